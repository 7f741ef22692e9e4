package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// plane says where one control plane keeps its files and listens. Everything in it survives a restart, so that clients
// with the kubeconfig of the first start reach the second one too.
type plane struct {
	dir   string
	port  int
	token string
}

func (p plane) url() string               { return fmt.Sprintf("https://127.0.0.1:%d", p.port) }
func (p plane) kubeconfig() string        { return filepath.Join(p.dir, "kubeconfig") }
func (p plane) certificates() string      { return filepath.Join(p.dir, "certificates") }
func (p plane) tokenFile() string         { return filepath.Join(p.dir, "tokens.csv") }
func (p plane) serviceAccountKey() string { return filepath.Join(p.dir, "service-account.key") }

func (p plane) restConfig() *rest.Config {
	return &rest.Config{
		Host:            p.url(),
		BearerToken:     p.token,
		TLSClientConfig: rest.TLSClientConfig{CAFile: filepath.Join(p.certificates(), "apiserver.crt")},
		QPS:             -1,
	}
}

// layOut prepares dir for a start: the administrator's token, the service-account key and the port, each kept from an
// earlier start where there was one.
func layOut(dir string, port int) (plane, error) {
	p := plane{dir: dir, port: port}
	if err := os.MkdirAll(p.certificates(), 0o700); err != nil {
		return p, err
	}
	if earlier, err := clientcmd.LoadFromFile(p.kubeconfig()); err == nil {
		user, cluster := earlier.AuthInfos["devplane"], earlier.Clusters["devplane"]
		if user == nil || cluster == nil {
			return p, fmt.Errorf("%s is not a kubeconfig of devplane: name an empty folder", p.kubeconfig())
		}
		p.token = user.Token
		if p.port == 0 {
			p.port = portOf(cluster.Server)
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return p, err
	}
	if p.token == "" {
		random := make([]byte, 16)
		if _, err := rand.Read(random); err != nil {
			return p, err
		}
		p.token = hex.EncodeToString(random)
	}
	if p.port == 0 {
		free, err := freePort()
		if err != nil {
			return p, err
		}
		p.port = free
	}
	if err := os.WriteFile(p.tokenFile(), []byte(p.token+",admin,admin,system:masters\n"), 0o600); err != nil {
		return p, err
	}
	return p, p.writeServiceAccountKey()
}

func portOf(server string) int {
	parsed, err := url.Parse(server)
	if err != nil {
		return 0
	}
	port, err := strconv.Atoi(parsed.Port())
	if err != nil {
		return 0
	}
	return port
}

func (p plane) writeServiceAccountKey() error {
	if _, err := os.Stat(p.serviceAccountKey()); err == nil {
		return nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	block := pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der})
	return os.WriteFile(p.serviceAccountKey(), block, 0o600)
}

// writeKubeconfig is called when the API server answers, so the file's presence means ready on a first start.
func (p plane) writeKubeconfig() error {
	authority, err := os.ReadFile(filepath.Join(p.certificates(), "apiserver.crt"))
	if err != nil {
		return err
	}
	config := clientcmdapi.NewConfig()
	config.Clusters["devplane"] = &clientcmdapi.Cluster{Server: p.url(), CertificateAuthorityData: authority}
	config.AuthInfos["devplane"] = &clientcmdapi.AuthInfo{Token: p.token}
	config.Contexts["devplane"] = &clientcmdapi.Context{Cluster: "devplane", AuthInfo: "devplane"}
	config.CurrentContext = "devplane"
	return clientcmd.WriteToFile(*config, p.kubeconfig())
}

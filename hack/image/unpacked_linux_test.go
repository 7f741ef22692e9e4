package main

import (
	"archive/tar"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
)

// unpacked runs images without an engine: in a root file system of their own that only the image's user's folders can be
// written in, as that user and so without capabilities, with the environment that the image's configuration says and no other.
type unpacked struct{ shelf shelf }

func (u unpacked) launch(t *testing.T, program string, with start) *exec.Cmd {
	t.Helper()
	_, image := u.shelf.pull(t, program, thisPlatform())
	file, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config, root := file.Config, t.TempDir()
	unpack(t, image, root)
	for inside, outside := range with.files {
		if err := copyFile(outside, filepath.Join(root, inside)); err != nil {
			t.Fatal(err)
		}
	}
	lock(t, root)
	arguments := append(append(append([]string{}, config.Entrypoint...), config.Cmd...), with.arguments...)
	// Engines give a user that the image does not list this home.
	command := &exec.Cmd{Path: arguments[0], Args: arguments, Dir: config.WorkingDir, Env: append([]string{"HOME=/"}, config.Env...)}
	for name, value := range with.environment {
		command.Env = append(command.Env, name+"="+value)
	}
	command.SysProcAttr = confine(t, root, config.User)
	return command
}

// confine makes root the process's root and the image's user its user. Who is not root here gets that user's number in a
// user namespace.
func confine(t *testing.T, root, user string) *syscall.SysProcAttr {
	t.Helper()
	uidText, gidText, _ := strings.Cut(user, ":")
	uid, err := strconv.Atoi(uidText)
	if err != nil {
		t.Fatalf("the image's user is %q: %v", user, err)
	}
	gid, err := strconv.Atoi(gidText)
	if err != nil {
		t.Fatalf("the image's user is %q: %v", user, err)
	}
	attributes := &syscall.SysProcAttr{Chroot: root, Setpgid: true}
	if os.Geteuid() == 0 {
		attributes.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		return attributes
	}
	attributes.Cloneflags = syscall.CLONE_NEWUSER
	attributes.UidMappings = []syscall.SysProcIDMap{{ContainerID: uid, HostID: os.Geteuid(), Size: 1}}
	attributes.GidMappings = []syscall.SysProcIDMap{{ContainerID: gid, HostID: os.Getegid(), Size: 1}}
	return attributes
}

// unpack writes the image's files, with their modes, and with their owners where that is allowed.
func unpack(t *testing.T, image v1.Image, root string) {
	t.Helper()
	content := mutate.Extract(image)
	defer content.Close()
	archive := tar.NewReader(content)
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err == nil {
			err = unpackOne(archive, header, filepath.Join(root, header.Name))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func unpackOne(content io.Reader, header *tar.Header, path string) error {
	switch header.Typeflag {
	case tar.TypeDir:
		if err := os.Mkdir(path, 0o700); err != nil {
			return err
		}
	case tar.TypeReg:
		file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		if _, err := io.Copy(file, content); err != nil {
			return errors.Join(err, file.Close())
		}
		if err := file.Close(); err != nil {
			return err
		}
	default:
		return errors.New(header.Name + " is neither a file nor a folder")
	}
	if os.Geteuid() == 0 {
		if err := os.Chown(path, header.Uid, header.Gid); err != nil {
			return err
		}
	}
	return os.Chmod(path, header.FileInfo().Mode().Perm())
}

// lock takes away the right to write into the root folder until the test ends.
func lock(t *testing.T, root string) {
	t.Helper()
	if err := os.Chmod(root, 0o555); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.Chmod(root, 0o755); err != nil {
			t.Error(err)
		}
	})
}

package awslocal

import (
	"fmt"
	"net/http"
	"time"

	"github.com/scanjob-dev/scanjob/internal/iampolicy"
)

// podIdentityPrincipal is the service that assumes roles for pods.
const podIdentityPrincipal = "pods.eks.amazonaws.com"

// podIdentityLife is how long the credentials of a pod last.
const podIdentityLife = 6 * time.Hour

// PodIdentity is an EKS Pod Identity association, with the pod that uses it.
type PodIdentity struct {
	Cluster, Namespace, ServiceAccount string
	Pod                                string
	// RoleARN is the role that the pod gets.
	RoleARN string
}

// podTags are those that EKS puts on the session (https://docs.aws.amazon.com/eks/latest/userguide/pod-id-abac.html).
func (s *Server) podTags(p PodIdentity) map[string]string {
	return map[string]string{
		"eks-cluster-arn": s.arn("eks", "cluster/"+p.Cluster), "eks-cluster-name": p.Cluster,
		"kubernetes-namespace": p.Namespace, "kubernetes-service-account": p.ServiceAccount,
		"kubernetes-pod-name": p.Pod, "kubernetes-pod-uid": randomUUID(),
	}
}

// PodIdentityAgent is what listens on 169.254.170.23 on a node with the EKS Pod Identity agent, for one pod: it exchanges
// the pod's token, which must be the one that token returns at that moment, for credentials of the association's role. The
// role's trust policy must let EKS assume it for this pod.
func (s *Server) PodIdentityAgent(p PodIdentity, token func() string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v1/credentials" {
			http.NotFound(w, r)
			return
		}
		if r.Header.Get("Authorization") != token() {
			http.Error(w, "Service account token is not valid", http.StatusUnauthorized)
			return
		}
		principal, refused := s.assumeForPod(p)
		if refused != nil {
			http.Error(w, refused.Message, refused.Status)
			return
		}
		c := principal.Credentials
		s.writeJSON(w, map[string]string{
			"AccessKeyId": c.AccessKeyID, "SecretAccessKey": c.SecretAccessKey, "Token": c.SessionToken,
			"AccountId": principal.Account, "Expiration": c.Expires.UTC().Format(time.RFC3339),
		})
	})
}

// assumeForPod does what EKS does for a pod. The tags are condition keys also of sts:AssumeRole.
func (s *Server) assumeForPod(p PodIdentity) (Principal, *Error) {
	tags := s.podTags(p)
	r, ok := s.accounts.role(p.RoleARN)
	if !ok || !r.admits(iampolicy.Principal{Service: podIdentityPrincipal}, tagContext(tags), tags) {
		return Principal{}, &Error{
			Status: http.StatusForbidden, Code: "AccessDeniedException",
			Message: fmt.Sprintf("Trust policy of role %s does not let %s assume it for the pod's service account", p.RoleARN, podIdentityPrincipal),
		}
	}
	return s.principals.newTaggedSession(p.RoleARN, "eks-"+p.Cluster+"-"+p.Pod, s.clock.Now().Add(podIdentityLife), tags), nil
}

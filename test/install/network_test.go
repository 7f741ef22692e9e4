package install

import (
	"net/netip"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
)

func TestTheNetworkPolicyLetsTheManagerDoItsWorkAndNoMore(t *testing.T) {
	list := build(t, "default")
	policy, deployment := &networkingv1.NetworkPolicy{}, find(t, list, "Deployment")
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(find(t, list, "NetworkPolicy").Object, policy); err != nil {
		t.Fatal(err)
	}
	if len(policy.Spec.PolicyTypes) != 2 {
		t.Fatalf("the policy is of %v only", policy.Spec.PolicyTypes)
	}
	pods := &appsv1.Deployment{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(deployment.Object, pods); err != nil {
		t.Fatal(err)
	}
	if len(policy.Spec.PodSelector.MatchLabels) == 0 {
		t.Error("the policy is for every pod of the namespace")
	}
	for key, value := range policy.Spec.PodSelector.MatchLabels {
		if got := pods.Spec.Template.Labels[key]; got != value {
			t.Errorf("the policy is for pods with %s=%s, the manager's have %q", key, value, got)
		}
	}
	ports := map[string]int32{}
	for _, port := range pods.Spec.Template.Spec.Containers[0].Ports {
		ports[port.Name] = port.ContainerPort
	}

	for _, row := range []struct {
		name     string
		address  string
		protocol corev1.Protocol
		port     int32
		want     bool
	}{
		{"AWS's endpoints", "52.94.133.131", corev1.ProtocolTCP, 443, true},
		{"AWS's endpoints over IPv6", "2600:1f70::1", corev1.ProtocolTCP, 443, true},
		{"the API server of EKS", "10.0.1.5", corev1.ProtocolTCP, 443, true},
		{"the API server of kubeadm", "10.0.1.5", corev1.ProtocolTCP, 6443, true},
		{"DNS", "10.100.0.10", corev1.ProtocolUDP, 53, true},
		{"DNS with a long answer", "10.100.0.10", corev1.ProtocolTCP, 53, true},
		{"the Pod Identity agent", "169.254.170.23", corev1.ProtocolTCP, 80, true},
		{"the Pod Identity agent over IPv6", "fd00:ec2::23", corev1.ProtocolTCP, 80, true},
		{"the node's instance metadata, with the node's role", "169.254.169.254", corev1.ProtocolTCP, 80, false},
		{"a web server", "10.0.1.9", corev1.ProtocolTCP, 80, false},
		{"a database", "10.0.1.9", corev1.ProtocolTCP, 5432, false},
		{"SSH", "10.0.1.9", corev1.ProtocolTCP, 22, false},
		{"QUIC", "52.94.133.131", corev1.ProtocolUDP, 443, false},
	} {
		if got := leaves(t, policy, netip.MustParseAddr(row.address), row.protocol, row.port); got != row.want {
			t.Errorf("the manager reaches %s: %t, want %t", row.name, got, row.want)
		}
	}
	for name, want := range map[string]bool{"metrics": true, "probes": false} {
		if got := enters(policy, name, ports[name]); got != want {
			t.Errorf("other pods reach the %s: %t, want %t", name, got, want)
		}
	}
}

// leaves says whether a rule lets a connection out.
func leaves(t *testing.T, policy *networkingv1.NetworkPolicy, address netip.Addr, protocol corev1.Protocol, port int32) bool {
	t.Helper()
	for _, rule := range policy.Spec.Egress {
		to := len(rule.To) == 0
		for _, peer := range rule.To {
			if peer.IPBlock == nil || len(peer.IPBlock.Except) > 0 {
				t.Fatalf("a rule that this test cannot judge: %v", peer)
			}
			to = to || netip.MustParsePrefix(peer.IPBlock.CIDR).Contains(address)
		}
		if to && opens(rule.Ports, protocol, "", port) {
			return true
		}
	}
	return false
}

// enters says whether a rule lets any pod in.
func enters(policy *networkingv1.NetworkPolicy, name string, port int32) bool {
	for _, rule := range policy.Spec.Ingress {
		if opens(rule.Ports, corev1.ProtocolTCP, name, port) {
			return true
		}
	}
	return false
}

func opens(ports []networkingv1.NetworkPolicyPort, protocol corev1.Protocol, name string, port int32) bool {
	if len(ports) == 0 {
		return true
	}
	for _, open := range ports {
		if !strings.EqualFold(string(*open.Protocol), string(protocol)) {
			continue
		}
		if open.Port == nil || *open.Port == intstr.FromInt32(port) || (name != "" && *open.Port == intstr.FromString(name)) {
			return true
		}
	}
	return false
}

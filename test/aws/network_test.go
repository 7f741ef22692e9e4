package aws

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

type subnetSpec struct {
	CIDRBlock           string `json:"cidrBlock"`
	AvailabilityZone    string `json:"availabilityZone"`
	MapPublicIPOnLaunch *bool  `json:"mapPublicIPOnLaunch"`
}

type routeTableSpec struct {
	Routes []struct {
		DestinationCIDRBlock string `json:"destinationCIDRBlock"`
		GatewayRef           any    `json:"gatewayRef"`
		NATGatewayRef        any    `json:"natGatewayRef"`
	} `json:"routes"`
}

type securityGroupSpec struct {
	IngressRules []rule `json:"ingressRules"`
	EgressRules  []rule `json:"egressRules"`
}

type rule struct {
	IPProtocol string `json:"ipProtocol"`
	FromPort   int    `json:"fromPort"`
	ToPort     int    `json:"toPort"`
	IPRanges   []struct {
		CIDRIP string `json:"cidrIP"`
	} `json:"ipRanges"`
}

// overHTTPS says whether rules allow nothing but HTTPS, with these addresses.
func overHTTPS(rules []rule, addresses string) bool {
	return len(rules) == 1 && rules[0].IPProtocol == "tcp" && rules[0].FromPort == 443 && rules[0].ToPort == 443 &&
		len(rules[0].IPRanges) == 1 && rules[0].IPRanges[0].CIDRIP == addresses
}

func TestNothingReachesTheTasks(t *testing.T) {
	for _, v := range variants() {
		t.Run(v.name(), func(t *testing.T) {
			var group securityGroupSpec
			decode(t, objectsOf(t, v).get(t, "SecurityGroup", "scans"), &group)
			if len(group.IngressRules) != 0 {
				t.Errorf("ingress %+v", group.IngressRules)
			}
			if !overHTTPS(group.EgressRules, "0.0.0.0/0") {
				t.Errorf("egress %+v, want HTTPS alone", group.EgressRules)
			}
			var environment struct {
				Network struct {
					AssignPublicIP bool `json:"assignPublicIP"`
				} `json:"network"`
			}
			decode(t, objectsOf(t, v).get(t, "ScanEnvironment", "default"), &environment)
			if environment.Network.AssignPublicIP {
				t.Error("tasks get public addresses")
			}
		})
	}
}

func TestSubnetsAreInTwoZonesWithinTheVPCAndApart(t *testing.T) {
	for network, count := range map[string]int{networkEndpoints: 2, networkNAT: 4} {
		t.Run(network, func(t *testing.T) {
			objects := objectsOf(t, variant{network: network})
			blocks, _, err := unstructured.NestedStringSlice(objects.get(t, "VPC", "scans").Object, "spec", "cidrBlocks")
			if err != nil || len(blocks) != 1 {
				t.Fatalf("blocks %v, error %v", blocks, err)
			}
			whole := netip.MustParsePrefix(blocks[0])
			zones := map[string][]string{}
			var taken []netip.Prefix
			for _, subnet := range objects.of("Subnet") {
				var spec subnetSpec
				decode(t, subnet, &spec)
				block := netip.MustParsePrefix(spec.CIDRBlock)
				if !whole.Contains(block.Addr()) || block.Bits() <= whole.Bits() || slices.ContainsFunc(taken, block.Overlaps) {
					t.Errorf("%s has %s, of %s, beside %v", subnet.GetName(), block, whole, taken)
				}
				taken = append(taken, block)
				if spec.MapPublicIPOnLaunch == nil || *spec.MapPublicIPOnLaunch {
					t.Errorf("%s gives public addresses to whatever starts in it", subnet.GetName())
				}
				kind, _, _ := strings.Cut(subnet.GetName(), "-")
				zones[kind] = append(zones[kind], spec.AvailabilityZone)
			}
			for kind, of := range zones {
				if len(of) != 2 || of[0] == of[1] {
					t.Errorf("the %s subnets are in %v", kind, of)
				}
			}
			if len(taken) != count {
				t.Errorf("%d subnets, want %d", len(taken), count)
			}
		})
	}
}

func TestTheWayToTheInternet(t *testing.T) {
	routes := func(t *testing.T, network, table string) routeTableSpec {
		t.Helper()
		var spec routeTableSpec
		decode(t, objectsOf(t, variant{network: network}).get(t, "RouteTable", table), &spec)
		return spec
	}
	t.Run("endpoints have none", func(t *testing.T) {
		if found := routes(t, networkEndpoints, "private").Routes; len(found) != 0 {
			t.Errorf("routes %+v", found)
		}
	})
	t.Run("private subnets have a NAT gateway, public ones the internet gateway", func(t *testing.T) {
		private, public := routes(t, networkNAT, "private").Routes, routes(t, networkNAT, "public").Routes
		if len(private) != 1 || private[0].DestinationCIDRBlock != "0.0.0.0/0" || private[0].NATGatewayRef == nil || private[0].GatewayRef != nil {
			t.Errorf("private routes %+v", private)
		}
		if len(public) != 1 || public[0].DestinationCIDRBlock != "0.0.0.0/0" || public[0].GatewayRef == nil || public[0].NATGatewayRef != nil {
			t.Errorf("public routes %+v", public)
		}
	})
}

// TestEndpointsAreThoseOfTheServicesThatATaskCalls: Fargate pulls the image (ecr.api, ecr.dkr, layers from s3) and writes the
// log; the scanner clones, publishes, and stores the report. Credentials come from Fargate itself.
func TestEndpointsAreThoseOfTheServicesThatATaskCalls(t *testing.T) {
	objects := objectsOf(t, variant{network: networkEndpoints})
	var services []string
	for _, endpoint := range objects.of("VPCEndpoint") {
		var spec struct {
			ServiceName       string `json:"serviceName"`
			VPCEndpointType   string `json:"vpcEndpointType"`
			PrivateDNSEnabled bool   `json:"privateDNSEnabled"`
			SubnetRefs        []any  `json:"subnetRefs"`
			RouteTableRefs    []any  `json:"routeTableRefs"`
		}
		decode(t, endpoint, &spec)
		services = append(services, strings.TrimPrefix(spec.ServiceName, "com.amazonaws.us-east-1."))
		switch spec.VPCEndpointType {
		case "Interface":
			if !spec.PrivateDNSEnabled || len(spec.SubnetRefs) == 0 {
				t.Errorf("%s is not reached by the service's own name: %+v", endpoint.GetName(), spec)
			}
		case "Gateway":
			if len(spec.RouteTableRefs) != 1 {
				t.Errorf("%s is in the routes of %v", endpoint.GetName(), spec.RouteTableRefs)
			}
		default:
			t.Errorf("%s is of type %q", endpoint.GetName(), spec.VPCEndpointType)
		}
	}
	slices.Sort(services)
	if diff := cmp.Diff([]string{"ecr.api", "ecr.dkr", "git-codecommit", "logs", "s3", "sns"}, services); diff != "" {
		t.Error(diff)
	}
	vpc := objects.get(t, "VPC", "scans")
	var dns struct {
		EnableDNSSupport   bool     `json:"enableDNSSupport"`
		EnableDNSHostnames bool     `json:"enableDNSHostnames"`
		CIDRBlocks         []string `json:"cidrBlocks"`
	}
	decode(t, vpc, &dns)
	if !dns.EnableDNSSupport || !dns.EnableDNSHostnames {
		t.Errorf("the VPC resolves no private names: %+v", dns)
	}
	var group securityGroupSpec
	decode(t, objects.get(t, "SecurityGroup", "endpoints"), &group)
	if !overHTTPS(group.IngressRules, dns.CIDRBlocks[0]) {
		t.Errorf("the endpoints are open to %+v", group.IngressRules)
	}
}

# `make help` lists the targets. Variables assigned with ?= are meant to be set from outside: make test TEST_ARGS=-v

# The images that image builds and deploy uses.
IMG ?= controller:latest
SCANNER_IMG ?= scanner:latest
# What the images are built for, and PUSH=1 to push them; REGISTRY_USERNAME and REGISTRY_PASSWORD, where they are set, are
# the registry's login.
PLATFORMS ?= linux/amd64,linux/arm64
PUSH ?=
KUBECTL ?= kubectl
# How long one test binary may take.
TEST_TIMEOUT ?= 20m
# More arguments for go test, such as TEST_ARGS='-run TestRestart -v'.
TEST_ARGS ?=
TEST_PACKAGES ?= ./...
# More arguments for make bench-scanner, such as BENCH_ARGS='-only tree -runs 1'.
BENCH_ARGS ?=
# How long make fuzz runs each target.
FUZZTIME ?= 1m
CONTROLLER_BENCH_ARGS ?=
# How many runs make chaos makes of how many jobs each, and the only one to make: see CONTRIBUTING.md.
CHAOS_SEEDS ?= 200
CHAOS_JOBS ?= 500
CHAOS_SEED ?=
# KEEP=1 leaves the demo running.
KEEP ?=

SHELL := /usr/bin/env bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory

LOCALBIN := $(abspath $(dir $(lastword $(MAKEFILE_LIST)))bin)
GO_FOLDERS := api cmd controllers hack internal scanner test

# SDK clients in tests and demo must not be diverted by what the shell happens to be set up for.
WITHOUT_AWS := env $(foreach variable,$(filter AWS_%,$(.VARIABLES)),-u $(variable))

##@ General

.PHONY: help
help: ## Print this list.
	@awk 'BEGIN { FS = ":.*## " } \
		/^##@/ { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

.PHONY: clean
clean: ## Remove bin/: programs, tools and the control plane.
	rm -rf $(LOCALBIN)

##@ Development

.PHONY: generate
generate: $(LOCALBIN)/controller-gen ## Generate the DeepCopy methods of api/.
	$(CONTROLLER_GEN) object paths=./api/...

.PHONY: manifests
manifests: $(LOCALBIN)/controller-gen ## Generate config/crd/bases from api/, config/rbac/role.yaml from controllers/, and the chart's copies.
	$(CONTROLLER_GEN) crd paths=./api/... output:crd:artifacts:config=config/crd/bases
	$(CONTROLLER_GEN) rbac:roleName=manager-role paths=./controllers/... output:rbac:artifacts:config=config/rbac
	rm -f charts/scanjob/files/crds/*.yaml
	cp config/crd/bases/*.yaml charts/scanjob/files/crds/
	cp config/rbac/role.yaml charts/scanjob/files/role.yaml

.PHONY: docs
docs: $(LOCALBIN)/crd-ref-docs ## Generate docs/api.md from api/ and docs/metrics.md from the code.
	$(CRD_REF_DOCS) --log-level=ERROR --source-path=api/v1alpha1 --config=hack/tools/crd-ref-docs.yaml --renderer=markdown --output-path=docs/api.md
	go run ./hack/metrics

.PHONY: argocd
argocd: ## Generate config/argocd/argocd-cm.yaml from the Lua files beside it.
	go run ./hack/argocd

.PHONY: fmt
fmt: ## Format the Go code.
	gofmt -l -w $(wildcard $(GO_FOLDERS))

.PHONY: vet
vet: ## Run go vet.
	go vet ./...

.PHONY: lint
lint: $(LOCALBIN)/golangci-lint ## Run golangci-lint, with kube-api-linter for the API types.
	$(GOLANGCI_LINT) run --allow-parallel-runners

.PHONY: test
test: control-plane build $(LOCALBIN)/helm ## Run all tests: unit, API and end to end.
	@hack/container-engine.sh >/dev/null || true
	@echo "compiling and running all tests; the first package reports after a minute or two"
	$(WITHOUT_AWS) go test -count=1 -p 2 -timeout $(TEST_TIMEOUT) $(TEST_ARGS) $(TEST_PACKAGES)

.PHONY: chaos
chaos: control-plane ## Look for violated invariants in CHAOS_SEEDS runs of CHAOS_JOBS jobs each, while everything goes wrong; CHAOS_SEED=n for one run.
	$(WITHOUT_AWS) CHAOS_SEEDS=$(CHAOS_SEEDS) CHAOS_JOBS=$(CHAOS_JOBS) CHAOS_SEED=$(CHAOS_SEED) go test -count=1 -v -timeout 24h ./test/chaos

.PHONY: demo
demo: control-plane build ## Watch a pull request that leaks a key become an e-mail. KEEP=1 leaves it running.
	go build -trimpath -o $(LOCALBIN)/demo ./hack/demo
	$(WITHOUT_AWS) KEEP=$(KEEP) $(LOCALBIN)/demo

.PHONY: bench-controller
bench-controller: control-plane build $(LOCALBIN)/jobcontroller ## Measure the operator under load; CONTROLLER_BENCH_ARGS='-size 0.01 -only throughput' for less.
	go build -trimpath -o $(LOCALBIN)/bench-controller ./hack/bench/controller
	$(WITHOUT_AWS) $(LOCALBIN)/bench-controller -json $(LOCALBIN)/bench-controller.json $(CONTROLLER_BENCH_ARGS)

# The yardstick: kube-controller-manager's controller of Jobs, from the control plane's modules.
$(LOCALBIN)/jobcontroller: hack/devplane/jobcontroller/main.go hack/devplane/go.mod
	cd hack/devplane && go build -trimpath -ldflags "-s -w" -o $@ ./jobcontroller

.PHONY: bench-scanner
bench-scanner: build $(LOCALBIN)/gitleaks $(LOCALBIN)/gitleaks-re2 ## Measure the scanner side by side with others: see docs/benchmarks.md. Some 20 minutes.
	go build -trimpath -o $(LOCALBIN)/bench-scanner ./hack/bench/scanner
	$(WITHOUT_AWS) $(LOCALBIN)/bench-scanner $(BENCH_ARGS)

.PHONY: fuzz
fuzz: ## Run each fuzz target of the scanner for FUZZTIME.
	@set -e; for package in $$(grep -rl --include=fuzz_test.go '^func Fuzz' scanner | xargs -n1 dirname | sort -u); do \
		for target in $$(grep -oh '^func Fuzz[A-Za-z]*' $$package/fuzz_test.go | cut -c6-); do \
			echo "$$package $$target"; $(WITHOUT_AWS) go test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) ./$$package; \
		done; \
	done

##@ Build

.PHONY: build
build: ## Build bin/manager and bin/scanner.
	@echo "building bin/manager and bin/scanner: a minute or two the first time, then seconds"
	@CGO_ENABLED=0 go build -trimpath -o $(LOCALBIN)/manager ./cmd/manager
	@CGO_ENABLED=0 go build -trimpath -o $(LOCALBIN)/scanner ./cmd/scanner

.PHONY: lambda
lambda: ## Build bin/lambda.zip, the function that config/lambda deploys: see docs/lambda.md. Needs zip.
	@CGO_ENABLED=0 GOOS=linux GOARCH=arm64 go build -trimpath -tags lambda.norpc -ldflags="-s -w" -o $(LOCALBIN)/lambda/bootstrap ./cmd/lambda
	@rm -f $(LOCALBIN)/lambda.zip && zip -q -j -X $(LOCALBIN)/lambda.zip $(LOCALBIN)/lambda/bootstrap && ls -lh $(LOCALBIN)/lambda.zip

.PHONY: run
run: install ## Run the manager against the cluster of the current kubeconfig, with this shell's AWS credentials.
	go run ./cmd/manager

.PHONY: image
image: ## Build the images IMG and SCANNER_IMG for PLATFORMS into bin/images, without a container engine. PUSH=1 pushes them.
	go run ./hack/image --manager=$(IMG) --scanner=$(SCANNER_IMG) --platforms=$(PLATFORMS) --folder=$(LOCALBIN)/images $(if $(PUSH),--push)

##@ Deployment

.PHONY: install
install: $(LOCALBIN)/kustomize ## Install the CustomResourceDefinitions into the cluster of the current kubeconfig.
	$(KUSTOMIZE) build config/crd | $(KUBECTL) apply --server-side -f -

.PHONY: uninstall
uninstall: $(LOCALBIN)/kustomize ## Remove the CustomResourceDefinitions, and with them every object of their kinds; the manager must run.
	@echo "deleting all ScanJobs, ScanTriggers, ScanSchedules and ScanEnvironments; the manager stops their tasks first"
	$(KUSTOMIZE) build config/crd | $(KUBECTL) delete --ignore-not-found -f -

.PHONY: deploy
deploy: $(LOCALBIN)/kustomize ## Deploy the manager with image IMG into the cluster of the current kubeconfig.
	$(KUSTOMIZE) build config/default | sed 's|image: controller:latest|image: $(IMG)|' | $(KUBECTL) apply --server-side -f -

.PHONY: undeploy
undeploy: uninstall ## Stop all scans, then remove what deploy made and all objects of our kinds.
	$(KUSTOMIZE) build config/default | $(KUBECTL) delete --ignore-not-found -f -

##@ Tools

# A tool's file carries the checksum of the module that pins it, so it is rebuilt when and only when a pin changes.
TOOLS := controller-gen kustomize crd-ref-docs golangci-lint helm
CONTROLLER_GEN ?= $(LOCALBIN)/controller-gen
KUSTOMIZE ?= $(LOCALBIN)/kustomize
CRD_REF_DOCS ?= $(LOCALBIN)/crd-ref-docs
GOLANGCI_LINT ?= $(LOCALBIN)/golangci-lint

checksum = $(firstword $(shell cat $(sort $(wildcard $(1)/*.go $(1)/go.mod $(1)/go.sum)) | cksum))
TOOLS_SUM := $(call checksum,hack/tools)
HELM_SUM := $(call checksum,hack/tools/helm)
PEERS_SUM := $(call checksum,hack/bench/peers)
GOLANGCI_LINT_SUM := $(call checksum,hack/tools/golangci-lint)
DEVPLANE_SUM := $(call checksum,hack/devplane)

.PHONY: tools
tools: $(addprefix $(LOCALBIN)/,$(TOOLS)) ## Build the pinned tools into bin/.

# build-tool: $(1) name, $(2) module folder, $(3) package, $(4) checksum, $(5) more flags.
define build-tool
$(LOCALBIN)/$(1): $(LOCALBIN)/$(1)-$(4)
	@ln -sf $(1)-$(4) $$@
$(LOCALBIN)/$(1)-$(4):
	@rm -f $(LOCALBIN)/$(1) $(LOCALBIN)/$(1)-[0-9]*
	@echo "building bin/$(1) from its pinned module: up to two minutes the first time"
	@cd $(2) && go build -trimpath $(5) -o $$@ $(3)
endef
$(eval $(call build-tool,controller-gen,hack/tools,sigs.k8s.io/controller-tools/cmd/controller-gen,$(TOOLS_SUM)))
$(eval $(call build-tool,kustomize,hack/tools,sigs.k8s.io/kustomize/kustomize/v5,$(TOOLS_SUM)))
$(eval $(call build-tool,crd-ref-docs,hack/tools,github.com/elastic/crd-ref-docs,$(TOOLS_SUM)))
$(eval $(call build-tool,helm,hack/tools/helm,helm.sh/helm/v4/cmd/helm,$(HELM_SUM)))
$(eval $(call build-tool,golangci-lint,hack/tools/golangci-lint,.,$(GOLANGCI_LINT_SUM)))
$(eval $(call build-tool,gitleaks,hack/bench/peers,github.com/zricethezav/gitleaks/v8,$(PEERS_SUM)))
$(eval $(call build-tool,gitleaks-re2,hack/bench/peers,github.com/zricethezav/gitleaks/v8,$(PEERS_SUM),-tags gore2regex))

.PHONY: devplane
devplane: $(LOCALBIN)/devplane ## Build the one-process control plane of tests and demo. Some 10 minutes the first time.
$(LOCALBIN)/devplane: $(LOCALBIN)/devplane-$(DEVPLANE_SUM)
	@ln -sf devplane-$(DEVPLANE_SUM) $@
$(LOCALBIN)/devplane-$(DEVPLANE_SUM):
	@rm -f $(LOCALBIN)/devplane $(LOCALBIN)/devplane-[0-9]*
	@hack/build-devplane.sh $@

# Tests use the cluster or the binaries that the environment names, where it does; see internal/testplane.
.PHONY: control-plane
control-plane: $(if $(KUBEBUILDER_ASSETS)$(TEST_KUBECONFIG),,$(LOCALBIN)/devplane)

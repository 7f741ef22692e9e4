# The images of the manager and of the scanner: one static program each, nothing else, no root.
#
#   docker build --target scanner -t scanner .
#   docker buildx build --target scanner --platform linux/amd64,linux/arm64 -t scanner .
#
# Where no image of Go can be pulled, BINARIES=prebuilt takes the programs bin/manager-ARCH and bin/scanner-ARCH:
#
#   CGO_ENABLED=0 GOARCH=arm64 go build -trimpath -o bin/scanner-arm64 ./cmd/scanner
#   CGO_ENABLED=0 GOARCH=arm64 go build -trimpath -o bin/manager-arm64 ./cmd/manager
#   docker build --target scanner --platform linux/arm64 --build-arg BINARIES=prebuilt -t scanner .
ARG BINARIES=source
ARG GO_VERSION=1.26

FROM --platform=$BUILDPLATFORM golang:${GO_VERSION} AS source
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG TARGETOS=linux
ARG TARGETARCH
RUN for program in manager scanner; do \
      CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH go build -trimpath -ldflags="-s -w" -o /out/$program ./cmd/$program || exit 1; \
    done
WORKDIR /out/root/work

FROM scratch AS prebuilt
ARG TARGETARCH
COPY bin/manager-${TARGETARCH} /out/manager
COPY bin/scanner-${TARGETARCH} /out/scanner
WORKDIR /out/root/work

FROM ${BINARIES} AS binaries

FROM scratch AS manager
COPY --from=binaries /out/manager /manager
USER 65532:65532
ENTRYPOINT ["/manager"]

# The scanner writes nothing but the repository that it fetches, into /work. Its root file system can be read-only: on
# Fargate the VOLUME puts /work on the task's ephemeral storage, with the owner that the folder has here.
FROM scratch AS scanner
COPY --from=binaries /out/scanner /scanner
COPY --from=binaries --chown=65532:65532 /out/root/ /
ENV SCANJOB_WORKDIR=/work
VOLUME /work
USER 65532:65532
ENTRYPOINT ["/scanner"]

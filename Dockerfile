# One image a service, by --target: broker, coordinator, device, device-jetson. docs/images.md tells how they are built
# and pinned. BuildKit builds only what a target needs; buildah does with --skip-unused-stages.
#
# Bases by digest: --build-arg NODE_IMAGE=docker.io/library/node:24-bookworm-slim@sha256:…
ARG NODE_IMAGE=docker.io/library/node:24-bookworm-slim
ARG BUILD_IMAGE=${NODE_IMAGE}
ARG BASE_IMAGE=gcr.io/distroless/cc-debian12:nonroot
ARG L4T_BUILD_IMAGE=nvcr.io/nvidia/l4t-jetpack:r36.4.0
ARG L4T_BASE_IMAGE=nvcr.io/nvidia/l4t-cuda:12.6.11-runtime

# On the builder's own architecture: what is made here is JavaScript, and native libraries come ready in packages.
FROM --platform=$BUILDPLATFORM ${BUILD_IMAGE} AS build
WORKDIR /src
COPY . .
RUN node runtime/setup.mjs
ARG TARGETARCH
# Runtime stages have no shell: their empty folders and their command are made here.
RUN arch=$(echo "$TARGETARCH" | sed s/amd64/x64/) \
 && for service in broker coordinator device; do \
      node dist/supply/main.js pack --service "$service" --arch "$arch" --out "/packed/$service" || exit 1; \
      sed -i '1s|.*|#!/usr/local/bin/node|' "/packed/$service/dist/cli/main.js"; \
    done \
 && node dist/supply/main.js sample --devices 3 --out /packed/device/sample \
 && mkdir -p /made/data/runs /made/data/state /made/data/tls /made/data/ca/public /made/bin \
 && for name in broker coordinator operator device-1 device-2 device-3; do mkdir -p /made/bundles/$name; done \
 && ln -s /app/dist/cli/main.js /made/bin/fleetune

FROM ${NODE_IMAGE} AS node

# Without the app: of Node only its binary, which needs libc, libstdc++ and libgcc.
FROM ${BASE_IMAGE} AS runtime
COPY --from=node /usr/local/bin/node /usr/local/bin/node
COPY --from=build /made/bin /usr/local/bin
COPY --from=build --chown=65532:65532 /made/data /data
ENV NODE_ENV=production \
    FLEETUNE_HEALTH_SOCKET=/tmp/fleetune-health.sock
USER 65532:65532
WORKDIR /data
ENTRYPOINT ["fleetune"]
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 CMD ["fleetune", "health"]

FROM runtime AS broker
COPY --from=build /packed/broker /app
EXPOSE 1883 8883 9001
CMD ["broker"]

FROM runtime AS coordinator
COPY --from=build /packed/coordinator /app
# A new volume gets the owner of the folder that it is mounted on: these are compose.yaml's.
COPY --from=build --chown=65532:65532 /made/bundles /data/tls
ENV FLEETUNE_RUNS=/data/runs
CMD ["coordinator"]

FROM runtime AS device
COPY --from=build /packed/device /app
ENV FLEETUNE_STATE=/data/state
CMD ["device"]

# The device with onnxruntime's CUDA provider for JetPack 6 (Orin: compute capability 8.7). Not built by check:images,
# as its bases and sources can't be had everywhere: see docs/images.md. Build it on arm64; it takes hours on a board.
FROM ${L4T_BUILD_IMAGE} AS onnxruntime-cuda
ARG ONNXRUNTIME_VERSION=1.30.0
ARG CUDA_ARCHITECTURES=87
ARG BUILD_JOBS=4
ENV DEBIAN_FRONTEND=noninteractive PATH=/usr/local/cuda/bin:$PATH
RUN apt-get update \
 && apt-get install -y --no-install-recommends \
      build-essential ca-certificates git python3 python3-dev python3-pip python3-setuptools python3-wheel \
 && pip3 install --no-cache-dir "cmake>=3.28,<4" packaging \
 && rm -rf /var/lib/apt/lists/*
COPY --from=node /usr/local/bin/node /usr/local/bin/node
COPY --from=node /usr/local/lib/node_modules/npm /usr/local/lib/node_modules/npm
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm \
 && ln -s ../lib/node_modules/npm/bin/npx-cli.js /usr/local/bin/npx \
 && git clone --depth 1 --branch "v${ONNXRUNTIME_VERSION}" --recurse-submodules --shallow-submodules \
      https://github.com/microsoft/onnxruntime /onnxruntime
WORKDIR /onnxruntime
RUN ./build.sh --config Release --update --build --parallel "$BUILD_JOBS" --skip_tests --allow_running_as_root \
      --build_shared_lib --build_nodejs \
      --use_cuda --cuda_home /usr/local/cuda --cudnn_home /usr/lib/aarch64-linux-gnu \
      --cmake_extra_defines "CMAKE_CUDA_ARCHITECTURES=${CUDA_ARCHITECTURES}" onnxruntime_BUILD_UNIT_TESTS=OFF \
        onnxruntime_USE_FLASH_ATTENTION=OFF onnxruntime_USE_MEMORY_EFFICIENT_ATTENTION=OFF \
 && mkdir /native /cudnn \
 && cp -L js/node/bin/napi-v6/linux/arm64/onnxruntime_binding.node js/node/bin/napi-v6/linux/arm64/libonnxruntime.so.1 \
      build/Linux/Release/libonnxruntime_providers_shared.so build/Linux/Release/libonnxruntime_providers_cuda.so \
      /native/ \
 && cp -P /usr/lib/aarch64-linux-gnu/libcudnn*.so.9* /cudnn/

FROM ${L4T_BASE_IMAGE} AS device-jetson
COPY --from=node /usr/local/bin/node /usr/local/bin/node
COPY --from=build /made/bin /usr/local/bin
COPY --from=build --chown=65532:65532 /made/data /data
COPY --from=build /packed/device /app
COPY --from=onnxruntime-cuda /cudnn /usr/lib/aarch64-linux-gnu
COPY --from=onnxruntime-cuda /native /app/node_modules/onnxruntime-node/bin/napi-v6/linux/arm64
ENV NODE_ENV=production \
    FLEETUNE_HEALTH_SOCKET=/tmp/fleetune-health.sock \
    FLEETUNE_STATE=/data/state \
    FLEETUNE_PROVIDER=cuda
USER 65532:65532
WORKDIR /data
ENTRYPOINT ["fleetune"]
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 CMD ["fleetune", "health"]
CMD ["device"]

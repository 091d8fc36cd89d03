# One image for every service: broker, coordinator, device (fleetune --help lists the commands).
FROM node:20-bookworm-slim AS build
ENV ONNXRUNTIME_NODE_INSTALL=skip
WORKDIR /app
COPY . .
RUN node runtime/setup.mjs && rm -rf dist/test dist/bench
RUN npm prune --omit=dev --no-audit --no-fund --loglevel=error \
 && cd node_modules/onnxruntime-node/bin/napi-v6 \
 && find . -mindepth 2 -maxdepth 2 -type d ! -path "./linux/$(node -p process.arch)" -exec rm -rf {} + \
 && find . -mindepth 1 -maxdepth 1 -type d -empty -delete

FROM node:20-bookworm-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build /app/package.json /app/LICENSE ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY --from=build /app/builtin/model ./builtin/model
COPY --from=build /app/coordinator/page/assets ./coordinator/page/assets
# Runs and device state go here: mount a volume to keep them.
RUN mkdir /data && chown node:node /data && ln -s /app/dist/cli/main.js /usr/local/bin/fleetune && chmod +x dist/cli/main.js
USER node
WORKDIR /data
ENTRYPOINT ["node", "/app/dist/cli/main.js"]
CMD ["help"]

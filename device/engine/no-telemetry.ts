/**
 * onnxruntime's libraries for Linux and macOS send telemetry to Microsoft unless this says otherwise before they are
 * loaded (microsoft/onnxruntime #27379): sessions, models, errors, and an identifier that they keep in ~/.cache.
 * Nothing of a board leaves it but what its fleet is told. Imported before the library, for its effect.
 */
process.env.ORT_DISABLE_TELEMETRY = '1';

const bcrypt = require("bcrypt");
const fastify = require("fastify")();

const hash = bcrypt.hashSync("correct horse", 4);

fastify.get("/", async () => ({ service: "accounts" }));
fastify.get("/check", async () => ({ right: await bcrypt.compare("correct horse", hash), wrong: await bcrypt.compare("x", hash) }));
fastify.listen({ host: "0.0.0.0", port: 3000 });

const express = require("express");
express().listen(3000);
log({ transport: { target: "pino-pretty" } });

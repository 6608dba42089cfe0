from fastapi import FastAPI

app = FastAPI()


@app.get("/")
async def index():
    return {"service": "clock", "zones": ["UTC", "CET"]}


@app.get("/health")
async def health():
    return {"status": "ok"}

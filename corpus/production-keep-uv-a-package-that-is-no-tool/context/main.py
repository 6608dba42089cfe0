from fastapi import FastAPI

app = FastAPI()
DATABASE = "sqlite+" + "aio" + "sqlite:///shop.db"

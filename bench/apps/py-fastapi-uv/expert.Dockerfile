FROM python:3.11-slim AS build
RUN pip install --no-cache-dir uv
COPY requirements.txt .
RUN uv venv /venv && VIRTUAL_ENV=/venv uv pip install --no-cache -r requirements.txt

FROM python:3.11-slim
ENV PYTHONUNBUFFERED=1
RUN apt-get update && apt-get install -y --no-install-recommends curl && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY --from=build /venv /venv
ENV PATH=/venv/bin:$PATH
COPY main.py .
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=3s CMD curl -f http://localhost:8000/health || exit 1
CMD uvicorn main:app --host 0.0.0.0 --port 8000

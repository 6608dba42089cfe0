FROM python:3.11-bookworm AS build
RUN python -m venv /venv
ENV PATH=/venv/bin:$PATH
COPY requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt

FROM python:3.11-slim-bookworm
ENV PYTHONUNBUFFERED=1
RUN apt-get update && apt-get install -y --no-install-recommends libpq5 && rm -rf /var/lib/apt/lists/*
WORKDIR /code
COPY --from=build /venv /venv
ENV PATH=/venv/bin:$PATH
COPY server.py .
EXPOSE 5000
CMD ["python", "server.py"]

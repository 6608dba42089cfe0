FROM python:3.11-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends libldap2-dev libsasl2-dev
RUN python -m venv /venv
ENV PATH=/venv/bin:$PATH
COPY requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt

FROM python:3.11-slim-bookworm
RUN apt-get update && apt-get install -y --no-install-recommends libldap-2.5-0 libsasl2-2 && rm -rf /var/lib/apt/lists/*
COPY --from=build /venv /venv
ENV PATH=/venv/bin:$PATH
WORKDIR /srv
COPY whoami.py .
EXPOSE 8080
CMD gunicorn -b 0.0.0.0:8080 whoami:app

FROM python:3.11-slim
WORKDIR /app
COPY requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt
COPY --chmod=755 entrypoint.sh .
COPY app.py .
COPY templates templates
EXPOSE 8000
ENTRYPOINT ["./entrypoint.sh"]

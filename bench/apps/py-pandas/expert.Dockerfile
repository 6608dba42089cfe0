FROM python:3.11-slim
WORKDIR /job
COPY requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt
COPY summary.py .
COPY data data
ENTRYPOINT ["python", "summary.py"]
CMD ["data/sales.csv"]

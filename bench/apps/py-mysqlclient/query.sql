SELECT day, SUM(amount) FROM orders GROUP BY day ORDER BY day DESC LIMIT 30

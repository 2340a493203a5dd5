WITH moved AS (
  UPDATE orders SET status = $3
  WHERE id = $1
  RETURNING id
)
INSERT INTO events (order_id, old, new) SELECT id, $2, $3 FROM moved

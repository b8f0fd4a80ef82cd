-- How models use the GPUs of a worker.

ALTER TABLE models ADD COLUMN gpu_policy TEXT NOT NULL DEFAULT 'auto';
ALTER TABLE models ADD COLUMN gpus TEXT NOT NULL DEFAULT '';  -- separated by commas

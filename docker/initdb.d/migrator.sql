-- Run once by the image's entry point, when the data directory is made, in POSTGRES_DB.
CREATE EXTENSION IF NOT EXISTS migrator;

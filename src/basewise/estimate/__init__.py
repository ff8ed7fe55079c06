"""What a run will take, known before anything is fetched: tiles, FLOPs, hours, disk, jobs."""

"""The device: readers in, lights out, an outbox in between. `station` decides; everything else here talks."""

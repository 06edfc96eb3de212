select number, message from audit.last_checkpoint()

"""What happens to messages: `planning` in the transaction of their cause, `delivery` later."""

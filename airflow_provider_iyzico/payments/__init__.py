"""From the rows that an author gives to a batch that may be sent: everything is checked at once, before anything leaves."""

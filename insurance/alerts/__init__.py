"""What somebody is told of: read under the bell, or once a day by mail."""

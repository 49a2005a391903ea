"""Files to facts: schema, import, storage. No torch in here."""

"""The rules, one file per subject; `rulebook` loads every module that lies here."""

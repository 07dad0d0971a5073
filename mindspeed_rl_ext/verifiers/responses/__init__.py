"""Reading responses: where the answer stands, the value of an arithmetic answer, its verdict."""

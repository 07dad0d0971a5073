"""A double: keys that the host does not know are refused."""


class DataHandlerConfig:
    def __init__(self, config_dict):
        self.handler_name = ""
        self.seed = 1234
        for key, value in config_dict.items():
            if not hasattr(self, key):
                raise ValueError(f"The key: {key} is missing")
            setattr(self, key, value)

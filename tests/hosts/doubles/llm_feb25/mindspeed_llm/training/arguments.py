"""A double: a closed list of prompt types; one feature parses before all arguments are there."""


def parse_args_decorator(parser):
    return process_args(parser)


def process_args(parser):
    parser.add_argument("--prompt-type", choices=["qwen"])
    parser.parse_known_args()
    return parser

"""Messages of the commands."""

MESSAGES = {
    "unknown command {name}": "未知命令 {name}",
}

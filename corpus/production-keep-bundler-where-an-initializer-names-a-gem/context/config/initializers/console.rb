WebConsole.logger.level = :warn

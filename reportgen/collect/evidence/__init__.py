"""How model, loss, data and optimizer are used: summed up while a run goes on, for rules to judge."""

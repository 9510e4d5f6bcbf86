"""The topics: their names and shapes as data, whether the cluster's fit, and their creation. Loads no Faust."""

from monitor.topics.fit import Found, Problem, problems
from monitor.topics.spec import TABLES, Names, Topic, changelog, create_command, topics

__all__ = ["TABLES", "Found", "Names", "Problem", "Topic", "changelog", "create_command", "problems", "topics"]

"""The one idea: from boxes to a sampling plan, and from the plan to the pooled output."""

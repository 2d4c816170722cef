"""Every kernel against its twin, against central differences and against what it means."""

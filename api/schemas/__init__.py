"""Shapes of requests and answers, apart from the domain: these are promises to other programs."""

"""stub"""
def write_page(out, steps, references, results):
    return out / "report.html"

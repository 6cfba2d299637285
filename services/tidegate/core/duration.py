"""How people read a duration, wherever Tidegate writes one."""


def lasts(seconds: float) -> str:
    """Return a duration in at most two units: `45s`, `4m12s`, `3h05m`, `2d4h`."""
    minutes, rest = divmod(round(max(seconds, 0.0)), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days}d{hours}h"
    if hours:
        return f"{hours}h{minutes:02d}m"
    if minutes:
        return f"{minutes}m{rest:02d}s"
    return f"{rest}s"

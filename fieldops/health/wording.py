"""What the findings about lines getting worse say to the cable department, in both languages."""

from fieldops.health.decline import Cause, Verdict

RECOVERED = "No line under it gets worse any more. / 相关线路均已恢复。"

_MEASURES = {
    "down_mbps": ("download", "下行速率", "Mbit/s"),
    "up_mbps": ("upload", "上行速率", "Mbit/s"),
    "attenuation_db": ("attenuation", "衰减", "dB"),
    "optical_power_dbm": ("optical power", "光功率", "dBm"),
}


def finding(cause: Cause, verdict: Verdict, peers: int) -> str:
    """Return the text of a finding: what got worse, by which readings (HR-04)."""
    english, chinese = [], []
    for measure in verdict.measures:
        name, word, unit = _MEASURES[measure]
        values = ", ".join(f"{getattr(one.values, measure):g}" for one in verdict.readings)
        english.append(f"{name} {values} {unit}")
        chinese.append(f"{word} {values} {unit}")
    if cause is Cause.BOX:
        return (
            f"{peers} lines of this box get worse together, one of them: {'; '.join(english)}. / "
            f"此分线盒上 {peers} 条线路同时变差，其中一条：{'；'.join(chinese)}。"
        )
    return (
        f"A line here gets worse with each reading: {'; '.join(english)}. / "
        f"此处一条线路逐次变差：{'；'.join(chinese)}。"
    )

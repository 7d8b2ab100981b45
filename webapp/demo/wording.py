"""What is said on every page of a demo city about where its data come from, in both languages."""

from django.utils.translation import gettext_noop

DEMO_NOTE = (
    "모의 자료입니다. 사건, 카메라, 동 경계, 시설 위치는 모두 가상으로 생성하였습니다. "
    "연도별 발생 건수와 범죄 유형 구성은 서초구의 2020–2024년 5대 범죄 통계, 요일·시간대·장소 구성은 경찰청 통계를 따릅니다."
)
DEMO_NOTE_EN = (
    "Simulated data: incidents, cameras, dong borders and places are made up. Yearly totals and the mix of categories follow the "
    "police figures of Seocho-gu for 2020–2024; weekdays, hours and kinds of place follow national and Seoul figures."
)
CITY_NOTE = "사건은 실제 공개 자료(%(source)s)입니다. 관할 경계는 사건 위치로 그린 것이며, 카메라는 모의 자료입니다."
CITY_NOTE_EN = (
    "Incidents are real public data (%(source)s). The outline is drawn from their places, and the cameras are simulated."
)

STEPS = {
    "look": gettext_noop("look at what is there"),
    "simulate": gettext_noop("simulate the city"),
    "ground": gettext_noop("outline, cells and places"),
    "cameras": gettext_noop("cameras"),
    "read": gettext_noop("read the points"),
    "write": gettext_noop("take the incidents in"),
    "commit": gettext_noop("store the incidents"),
    "logins": gettext_noop("log-ins"),
    "done": gettext_noop("done"),
}

"""Offences of the Korean statute book: their names, the deeds that rulings tell of them, and the category of each.

Patterns run on masked text whose commas, parentheses and dates may have been stripped; stems are written so that every ending
of a verb matches.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ingestion.errors import gettext_noop
from ingestion.rulings.model import Label

CATEGORIES = (
    Label("homicide", "살인", gettext_noop("homicide")),
    Label("robbery", "강도", gettext_noop("robbery")),
    Label("sexual_violence", "성폭력", gettext_noop("sexual violence")),
    Label("theft", "절도", gettext_noop("theft")),
    Label("violence", "폭력", gettext_noop("violence")),
    Label("arson", "방화", gettext_noop("arson")),
    Label("damage", "손괴", gettext_noop("criminal damage")),
    Label("trespass", "주거침입", gettext_noop("trespass")),
    Label("obstruction", "공무집행방해", gettext_noop("obstruction of officers")),
    Label("other", "기타", gettext_noop("other")),
)


@dataclass(frozen=True)
class Offence(Label):
    """An offence of the statute book. `category`: of `CATEGORIES`. `name`: pattern of its legal name; `act`: of the deed told."""

    category: str
    name: re.Pattern[str] | None
    act: re.Pattern[str] | None


def _offence(  # noqa: PLR0917  (a table of rows)
    code: str, ko: str, en: str, category: str, name: str, act: str
) -> Offence:
    return Offence(code, ko, en, category, re.compile(name) if name else None, re.compile(act) if act else None)


# The graver first: the first that the text shows names the event. A deed told ("절취하", "살해하") is stronger than a name.
OFFENCES = (
    _offence(
        "robbery_homicide",
        "강도살인·치사",
        gettext_noop("robbery with killing"),
        "homicide",
        r"강도(?:살인|치사)",
        r"",
    ),
    _offence(
        "homicide",
        "살인",
        gettext_noop("homicide"),
        "homicide",
        r"(?:존속|영아|촉탁|위계)?살(?:인|해)(?:미수|예비)?(?!방조)",
        r"살해하|살해할|살해한|죽이려고 하|사망에 이르게 하여 .{0,10}살해|죽게 하여",
    ),
    _offence(
        "robbery_rape",
        "강도강간",
        gettext_noop("robbery with rape"),
        "sexual_violence",
        r"특수강도강간|강도강간",
        r"",
    ),
    _offence(
        "robbery",
        "강도",
        gettext_noop("robbery"),
        "robbery",
        r"(?:특수|준|인질|해상)?강도(?:상해|치상|미수)?",
        r"강취하|강취한|강취할|강취해|강탈하|빼앗아 강취|억압(?:한|하고|하여).{0,60}빼앗",
    ),
    _offence(
        "rape",
        "강간",
        gettext_noop("rape"),
        "sexual_violence",
        r"(?:준|특수|유사)?강간(?:등?(?:상해|치상|치사|살인))?",
        r"강간하|강간한|강간할|강간을|간음하|간음한|성교하여 강간|윤간",
    ),
    _offence(
        "sexual",
        "강제추행 등",
        gettext_noop("sexual assault"),
        "sexual_violence",
        r"강제추행|준강제추행|추행|성폭력|성매매|음란|카메라등이용촬영|성적목적",
        r"추행하|추행한|추행을|음란한|음란행위|촬영하여 성적|몰래 촬영",
    ),
    _offence(
        "kidnap",
        "약취·유인·감금",
        gettext_noop("abduction or confinement"),
        "violence",
        r"약취|유인|감금",
        r"감금하|감금한|약취하|유인하",
    ),
    _offence(
        "assault_death",
        "폭행치사·상해치사",
        gettext_noop("assault causing death"),
        "violence",
        r"(?:폭행|상해)치사",
        r"폭행하.{0,120}사망하게|상해를 가하.{0,120}사망(?:하게|에 이르게)|때려.{0,120}사망(?:하게|에 이르게)",
    ),
    _offence(
        "theft_snatch",
        "날치기",
        gettext_noop("snatching"),
        "theft",
        r"날치기",
        r"낚아\s?채|나꿔\s?채|날치기",
    ),
    _offence("theft_pickpocket", "소매치기", gettext_noop("pickpocketing"), "theft", r"소매치기", r"소매치기"),
    _offence(
        "burglary_commercial_night",
        "야간건조물침입절도",
        gettext_noop("burglary of premises at night"),
        "theft",
        r"야간건조물침입절도",
        r"야간에 .{0,25}건조물에 침입하여",
    ),
    _offence(
        "burglary",
        "침입절도",
        gettext_noop("burglary"),
        "theft",
        r"야간주거침입절도|야간방실침입절도",
        r"침입하여 .{0,120}절취",
    ),
    _offence(
        "theft_bicycle", "자전거절도", gettext_noop("theft of a bicycle"), "theft", r"", r"자전거 .{0,60}(?:절취|훔[치쳐친])"
    ),
    _offence(
        "theft",
        "절도",
        gettext_noop("theft"),
        "theft",
        r"(?:특수|상습|상습특수)?절도(?:미수)?|자동차등불법사용",
        r"절취하|절취한|절취할|절취해|훔쳐|훔쳤|훔친|훔치려|절도를|꺼내어 가 이를",
    ),
    _offence(
        "obstruct_police",
        "공무집행방해",
        gettext_noop("obstruction of officers"),
        "obstruction",
        r"(?:특수)?공무집행방해(?:치상|치사)?",
        r"직무집행을 방해|공무집행을 방해|업무집행을 방해|공무수행을 방해",
    ),
    _offence(
        "arson", "방화", gettext_noop("arson"), "arson", r"방화|일반물건방화|실화", r"불을 (?:놓|질러|붙여)|방화하|소훼하|소훼한"
    ),
    _offence(
        "assault_injury",
        "상해",
        gettext_noop("assault with injury"),
        "violence",
        r"(?:특수|중|존속)?상해|폭행치상|집단·?흉기등상해",
        r"상해를 (?:가|입)|상해 등을 (?:가|입)|[가-힣]{1,6}(?:상|창|절|"
        r"혈)(?:을|를)?(?: 등을?)? (?:가하|가한|입게|입힌|입혔)|부상을 입|"
        r"다치게 하|치료를 요하는|가료를 요하는|치료가 필요한|에게 상해",
    ),
    _offence("extortion", "공갈", gettext_noop("extortion"), "violence", r"공갈|갈취", r"갈취하|갈취한"),
    _offence(
        "assault",
        "폭행",
        gettext_noop("assault"),
        "violence",
        r"(?:특수|존속|공동|상습)?폭행(?!치)|폭력행위등처벌",
        r"폭행하|폭행을 가|폭행한|구타하|구타한|때리고|때렸|때려|멱살을 잡|뺨을 .{0,8}때",
    ),
    _offence(
        "threat",
        "협박",
        gettext_noop("threat"),
        "violence",
        r"(?:특수|존속)?협박|강요|스토킹",
        r"협박하|협박한|협박을|강요하",
    ),
    _offence(
        "damage", "재물손괴", gettext_noop("damage to property"), "damage", r"손괴|효용", r"손괴하|손괴한|부수어|깨뜨려|효용을 해"
    ),
    _offence(
        "trespass",
        "주거침입",
        gettext_noop("trespass"),
        "trespass",
        r"(?:주거|건조물|방실|특수주거)침입(?!절도|강|준)|퇴거불응",
        r"침입하|침입한|퇴거 요구에 (?:응하지|불응)",
    ),
    _offence("fraud", "사기", gettext_noop("fraud"), "other", r"사기(?!록)", r"편취하|편취한"),
    _offence("embezzle", "횡령·배임", gettext_noop("embezzlement"), "other", r"횡령|배임", r"횡령하|횡령한"),
    _offence("forgery", "위조", gettext_noop("forgery"), "other", r"위조|변조|허위.{0,6}작성|부정행사", r"위조하|위조한|변조하"),
    _offence("driving", "교통범죄", gettext_noop("traffic offence"), "other", r"도로교통법|교통사고처리", r"면허 없이|음주운전"),
    _offence("gambling", "도박", gettext_noop("gambling"), "other", r"도박", r"도박을 하|도박하"),
    _offence("drugs", "마약", gettext_noop("drugs"), "other", r"마약|향정신성", r"투약하|흡연하"),
    _offence("other", "기타", gettext_noop("other"), "other", r"", r""),
)
# any deed that is told, whatever its name
DEED = re.compile("|".join(offence.act.pattern for offence in OFFENCES if offence.act and offence.act.pattern))
OFFENCE_BY_CODE: Mapping[str, Offence] = MappingProxyType({offence.code: offence for offence in OFFENCES})

# What an article of the Criminal Act punishes, for rulings that take their facts over from the court below.
ARTICLES: Mapping[int, str] = MappingProxyType(
    {
        **dict.fromkeys((250, 252, 253, 254, 255), "homicide"),
        338: "robbery_homicide",
        **dict.fromkeys((333, 334, 335, 336, 337, 340, 341, 342, 343), "robbery"),
        339: "robbery_rape",
        297: "rape",
        **dict.fromkeys((298, 299, 302, 303, 305), "sexual"),
        301: "rape",
        **dict.fromkeys((329, 331), "theft"),
        330: "burglary",
        136: "obstruct_police",
        144: "obstruct_police",
        **dict.fromkeys((164, 165, 166, 167), "arson"),
        **dict.fromkeys((257, 258), "assault_injury"),
        259: "assault_death",
        **dict.fromkeys((260, 261), "assault"),
        262: "assault_death",
        350: "extortion",
        **dict.fromkeys((283, 284), "threat"),
        366: "damage",
        319: "trespass",
    }
)

"""Offences and how they are spelled: Chicago, New York and Portland, the Korean police's yearly tables, court and press.

Data, not code: a new spelling is one more word. Words are compared without case, blanks and punctuation.
"""

# ruff: noqa: E501  (Hangul counts double; a line of words is easier to search than a column of them)

from collections.abc import Mapping
from types import MappingProxyType

# Offence to its spellings. An offence of the same code in a jurisdiction's taxonomy is the same offence.
SPELLINGS: Mapping[str, str] = MappingProxyType(
    {
        "homicide": "homicide | murder | killing | manslaughter | murder & non-negl. manslaughte | murder & non-negl. "
        "manslaughter | murder and nonnegligent manslaughter | 살인 | 살인기수 | 살인미수 | 살인미수등 | 살인 등 | 살인죄 | 살해",
        "robbery": "robbery | 강도 | 강도죄 | 강도범죄 | street robbery | armed robbery | 특수강도 | 준강도 | 강도상해 | 노상강도",
        "sexual_violence": "sexual violence | rape | crim sexual assault | criminal sexual assault | sexual assault | sex "
        "offense | sex crimes | sex offenses | forcible rape | 강간 | 강제추행 | 유사강간 | 강간·강제추행 | 강간/강제추행 | 강간 강제추행 | "
        "기타 강간/강제추행등 | 기타강간강제추행등 | 강간/추행 | 강간추행 | 성폭력 | 성폭행 | 성범죄 | 성추행 | 성폭력범죄 | 추행",
        "theft": "theft | larceny | larceny/theft | larceny-theft | petit larceny | stealing | shoplifting | retail theft | "
        "pickpocketing | theft from vehicle | theft from motor vehicle | 절도 | 절도범죄 | 절도죄 | 소매치기 | 날치기 | 들치기 | 특수절도 | 상습절도",
        "grand_larceny": "grand larceny | 중절도",
        "burglary": "burglary | burglaries | breaking and entering | residential burglary | commercial burglary | bur | 침입절도 | "
        "침입 절도 | 주거침입절도 | 야간주거침입절도 | 빈집털이",
        "motor_vehicle_theft": "motor vehicle theft | motor vehicle thefts | vehicle theft | vehicle thefts | auto theft | car "
        "theft | stolen vehicle | grand larceny of motor vehicle | mvt | veh | 차량절도 | 차량 절도 | 자동차절도 | 자동차 절도 | 오토바이절도",
        "violence": "violence | violent crime | 폭력 | 폭력범죄 | 폭력행위 | 폭력행위등 | 폭력행위등(손괴·강요·주거침입등) | 폭력행위등(단체등의구성·활동)",
        "battery": "battery | simple battery | 폭행",
        "assault": "assault | simple assault | common assault",
        "felony_assault": "felony assault | aggravated assault | aggravated assaults | aggravated battery | 중폭행 | 특수폭행",
        "injury": "injury | bodily harm | 상해 | 상해죄 | 특수상해 | 중상해",
        "threat": "threat | threats | intimidation | menacing | 협박 | 협박·위협 | 특수협박 | 위협",
        "extortion": "extortion | blackmail | 공갈",
        "criminal_damage": "criminal damage | criminal mischief | vandalism | property damage | damage to property | 손괴 | 재물손괴 | "
        "재물 손괴 | 특수손괴 | 기물파손",
        "confinement": "kidnapping | abduction | unlawful restraint | 체포·감금 | 체포/감금 | 체포와감금 | 감금 | 약취·유인 | 약취/유인 | 약취와유인",
        "arson": "arson | 방화",
        "trespass": "trespass | criminal trespass | trespassing | 주거침입 | 건조물침입 | 침입",
        "stalking": "stalking | harassment | 스토킹 | 스토킹범죄",
        "weapons": "weapons violation | weapons | concealed carry license violation | 무기 | 총포",
        "narcotics": "narcotics | other narcotic violation | drugs | drug offense | 마약 | 마약범죄 | 마약류",
        "fraud": "fraud | deceptive practice | forgery | 사기 | 사기죄 | 보이스피싱",
        "embezzlement": "embezzlement | 횡령",
        "breach_of_trust": "breach of trust | 배임",
        "neglect_of_duty": "dereliction of duty | 직무유기",
        "abuse_of_authority": "abuse of authority | 직권남용",
        "bribery": "bribery | 증수뢰",
        "counterfeiting": "counterfeiting | 통화 | 문서/인장 | 유가증권인지 | 유가증권",
        "obscenity": "obscenity | public indecency | prostitution | 성풍속범죄 | 성풍속 | 풍속범죄 | 음란",
        "gambling": "gambling | 도박 | 도박범죄 | 도박과복표",
        "traffic": "traffic | traffic offense | 교통범죄 | 교통 | 음주운전 | 도로교통법",
        "public_order": "public peace violation | disorderly conduct | disorder | 경범죄처벌법 | 소란 | 경범죄",
        "officer_obstruction": "interference with public officer | 공무집행방해",
        "against_children": "offense involving children | 아동학대",
        "special_economic": "특별경제범죄",
        "health": "보건범죄",
        "environment": "환경범죄",
        "labour": "노동범죄",
        "security": "안보범죄",
        "election": "선거범죄",
        "military_service": "병역범죄",
        "liquor": "liquor law violation",
        "human_trafficking": "human trafficking | 인신매매",
        "street_crimes": "street crimes | street crime",
        "property_crime": "property crime",
        "person_crime": "person crime",
        "suspicious": "suspicious",
        "non_criminal": "non-criminal | non criminal | non criminal/admin | non-criminal (subject specified)",
        "other": "other | other offense | 기타 | 기타범죄",
    }
)

# What the Korean police's five crimes hold: in a taxonomy that counts these five, each offence goes to its group.
FIVE: Mapping[str, str] = MappingProxyType(
    {
        "grand_larceny": "theft",
        "burglary": "theft",
        "motor_vehicle_theft": "theft",
        "battery": "violence",
        "assault": "violence",
        "felony_assault": "violence",
        "injury": "violence",
        "threat": "violence",
        "extortion": "violence",
        "criminal_damage": "violence",
        "confinement": "violence",
    }
)

# One offence under two names, where only the other stands in a taxonomy.
ALIKE: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "felony_assault": ("aggravated_assault",),
        "battery": ("violence",),
        "sexual_violence": ("rape", "sexual_assault", "criminal_sexual_assault", "sex_offense"),
        "motor_vehicle_theft": ("vehicle_theft", "auto_theft"),
        "criminal_damage": ("damage", "vandalism"),
        "homicide": ("murder",),
        "narcotics": ("drugs",),
    }
)
TOTALS = frozenset(("합계", "소계", "총계", "계", "total", "all", "sum"))

"""The closed lists of this room with their Korean and English names, and the patterns by which the text says each.

One list for one thing: a new risk factor or kind of place is one row here. Patterns run on masked text whose commas,
parentheses and dates may have been stripped; stems are written so that every ending of a verb matches.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ingestion.errors import gettext_noop
from ingestion.rulings.model import Label
from ingestion.rulings.offences import CATEGORIES, OFFENCES


@dataclass(frozen=True)
class Entry(Label):
    """A code, its names, and the pattern that shows it in the text."""

    pattern: re.Pattern[str]


def _entry(code: str, ko: str, en: str, pattern: str) -> Entry:
    return Entry(code, ko, en, re.compile(pattern))


# The more special first: at equal distance from the deed the earlier wins.
PLACE_KINDS = (
    _entry("lift", "승강기", gettext_noop("lift"), r"엘리베이터|엘레베이터|승강기"),
    _entry("stairs", "계단·복도", gettext_noop("stairs or corridor"), r"계단|복도"),
    _entry("parking", "주차장", gettext_noop("car park"), r"주차장|주차된|주차해|주차하여 둔|주차 ?중"),
    _entry(
        "station",
        "역·정류장",
        gettext_noop("station or stop"),
        r"(?:지하철|전철)[가-힣]{0,6}역|[가-힣]{1,6}(?<![구지권영용징노무반통병현조면])역(?=[ 에앞전내구 ])(?!시)|"
        r"승강장|대합실|정류장|정류소|터미널|역전",
    ),
    _entry(
        "vehicle",
        "차량 안",
        gettext_noop("inside a vehicle"),
        r"(?:택시|버스|승용차|차량|전동차|지하철|열차|승합차|화물차|차) ?(?:안|"
        r"내|안에서|내에서|뒷좌석|조수석)(?=[에서 은의])",
    ),
    _entry("alley", "골목길", gettext_noop("alley"), r"골목길?"),
    _entry("park", "공원·산", gettext_noop("park or woods"), r"공원(?!으로)|놀이터|유원지|야산|등산로|산책로|체육공원|약수터"),
    _entry(
        "theme_park",
        "놀이시설",
        gettext_noop("amusement park"),
        r"테마파크|놀이공원|수영장|찜질방|사우나|목욕탕|당구장|골프장|체육관|헬스장",
    ),
    _entry("square", "광장", gettext_noop("square"), r"광장"),
    _entry(
        "bar",
        "주점·유흥업소",
        gettext_noop("bar or nightlife"),
        r"주점|술집|나이트클럽|단란주점|유흥|노래방|노래연습장|노래주점|"
        r"호프|포장마차|카바레|카페|다방|클럽|(?<=[) ])[가-힣]{0,6}빠에서|"
        r"음식점|식당|경양식|횟집|갈비집|분식",
    ),
    _entry("lodging", "숙박업소", gettext_noop("lodging"), r"모텔|여관|여인숙|호텔|객실|펜션|민박"),
    _entry("school", "학교", gettext_noop("school"), r"학교|교실|학원|대학|기숙사|유치원|어린이집"),
    _entry("medical", "병원", gettext_noop("hospital"), r"병원|의원 |응급실|요양원|약국"),
    _entry(
        "workplace",
        "사무실·공장",
        gettext_noop("office, factory or site"),
        r"사무실|공장|공업사|공사현장|공사장|작업장|현장사무|회사 (?:안|내)|창고|건설현장|사업장",
    ),
    _entry(
        "public_office",
        "관공서",
        gettext_noop("public office"),
        r"경찰서(?! ?소속)|지구대(?! ?소속)|파출소(?! ?소속)|구청(?!장)|"
        r"시청(?!률|장|한|하)|동사무소|주민센터|법정 (?:안|내|밖)|군청|"
        r"교도소|구치소|면사무소|문화원|국회|대사관",
    ),
    _entry(
        "shop",
        "상점",
        gettext_noop("shop"),
        r"편의점|상점|가게|슈퍼|마트|백화점|매장|시장 ?(?:내|안)?(?= |에)|"
        r"금은방|상가|미용실|PC방|피씨방|피시방|은행|점포|운영하는|금은당",
    ),
    _entry("apartment", "아파트 단지", gettext_noop("apartment block"), r"아파트|빌라|연립주택|다세대|오피스텔|원룸"),
    _entry(
        "residence",
        "주거지",
        gettext_noop("residence"),
        r"(?<![가-힣])(?:자신의|피해자의?|피고인의?|동인의|위|그의|그|이웃|"
        r"남의|타인의)? ?(?:집(?=에|의| |앞|안|방|을|으로|마당)|주거지?(?!침입)|"
        r"방 ?(?:안|에서|에 |문)|안방|거실|자택|가옥)"
        r"|[가-힣\d](?:의|인의|외인의) ?집|공소외 ?\d* ?집|주거지|주택(?!가|"
        r"조합)|안방|거실|베란다|집 ?마당|집 ?앞마당|자취방|하숙",
    ),
    _entry(
        "street",
        "길거리",
        gettext_noop("street"),
        r"노상|길가|(?<!정)도로(?!교통)|앞 ?길|길에서|길거리|거리에서|횡단보도|사거리|"
        r"네거리|교차로|인도 ?(?:에서|상)|차로|주택가|노변|갓길|앞에서",
    ),
    _entry("water", "물가·바다", gettext_noop("water or sea"), r"해상|해수욕장|선박|저수지|강변|하천|바닷가|부두|방파제|어선"),
    _entry("field", "논밭·들", gettext_noop("field"), r"논밭|논두렁|밭에서|과수원|농로|비닐하우스|임야"),
)

# What a camera could see. Not what only a court learns (motive, a record, age).
RISK_FACTORS = (
    _entry(
        "following",
        "뒤따름",
        gettext_noop("following"),
        r"뒤따라|뒤를 따라|뒤쫓|쫓아가|쫓아다니|따라가|따라간|따라와|따라 들어|따라다니|따라붙|미행|뒤를 밟|추격",
    ),
    _entry(
        "loitering",
        "배회·대기",
        gettext_noop("loitering or lying in wait"),
        r"배회|서성|물색|기다리(?:고 있|다가|던)|숨어 ?있|잠복|망을 보|망을 봐|매복|엿보|돌아다니",
    ),
    _entry(
        "group",
        "여럿이 함께",
        gettext_noop("group"),
        r"공동하여|공모하여|합동하여|합세하여|일행|패거리|피고인들|집단으로|"
        r"떼를 지어|다중의 위력|공동으로|[2-9]명이 함께|합동으로|(?:피고인|공범|일당|성명불상자|공소외) ?\d{0,2}(?:와|과) 함께",
    ),
    _entry(
        "running",
        "달아남·뜀",
        gettext_noop("running or fleeing"),
        r"도주|달아나|달아났|달아난|도망|뛰어(?!난|나)|뛰쳐|달려(?:가|들|와|갔|든)",
    ),
    _entry(
        "fall",
        "넘어짐",
        gettext_noop("fall"),
        r"넘어뜨|넘어지|넘어져|넘어트|쓰러뜨|쓰러지|쓰러져|쓰러진|쓰러트|"
        r"바닥에 .{0,12}(?:부딪|찧|눕)|밀어뜨|추락|뒹굴|굴러 ?떨어",
    ),
    _entry(
        "weapon",
        "흉기",
        gettext_noop("weapon"),
        r"흉기|위험한 물건|칼(?:을|로|날|끝|자루| |길이|\()|식칼|회칼|과도|"
        r"부엌칼|식도|주방용 ?칼|등산용 ?칼|단도|낫(?:을|으로)|도끼|망치|"
        r"몽둥이|각목|쇠파이프|파이프(?!라인)|야구방망이|야구배트|방망이|"
        r"빠루|맥주병|소주병|술병|유리병|깨진 병|병으로|벽돌|돌을 던|돌로|"
        r"돌멩이|가위|공구|드라이버|권총|총을|소총|엽총|골프채|각목|쇠망치|"
        r"흙칼|면도칼|삽(?:을|으로)|각개목|쇠사슬|화염병|식도|대검(?!찰)|"
        r"송곳|가스총|전기충격기",
    ),
    _entry(
        "fighting",
        "몸싸움·구타",
        gettext_noop("fighting or beating"),
        r"때리|때려|때렸|구타|폭행|멱살|발로 .{0,20}(?:차|찼|밟|걷어)|주먹|"
        r"걷어차|밀치|밀어|밀쳤|싸움|몸싸움|들이받|들이박|뺨을",
    ),
    _entry(
        "grabbing",
        "붙잡음·끌고 감",
        gettext_noop("grabbing or dragging"),
        r"끌고 (?:가|갔|간|들어)|끌어(?!당기는 힘)|붙잡|껴안|잡아 ?끌|잡아당|"
        r"목을 (?:조르|졸라|누르|눌러|감)|움켜|끌어안|낚아|매단 채|납치|"
        r"태워 .{0,10}(?:가|끌)|잡아 (?:흔들|비틀)|팔을 잡|손목을 잡",
    ),
    _entry("night", "야간", gettext_noop("night"), r"야간|심야|한밤|새벽|밤중|어두운|어둠"),
    _entry(
        "few_people",
        "인적이 드묾",
        gettext_noop("few people about"),
        r"인적이 (?:드문|없는|뜸한)|외진|한적한|으슥|행인이 없|사람이 없는|"
        r"혼자 (?:걸어|귀가|있|길|잠|집|가|서)|혼자서 (?:걸어|귀가|있|길)|"
        r"홀로|빈집|비어 있|아무도 없|감시가 소홀",
    ),
    _entry(
        "vehicle",
        "차량 이용",
        gettext_noop("vehicle involved"),
        r"승용차|오토바이|자동차(?!운전면허)|택시(?!를 (?:잡|기다)|운전|\s?(?:운송|운수|회사))|"
        r"차량|화물차|트럭|승합차|봉고|버스(?!\s?정류)|원동기|이륜차|굴착기",
    ),
    _entry(
        "intrusion",
        "침입",
        gettext_noop("intrusion"),
        r"침입|담을 넘|담장을 넘|창문을 (?:통하|넘|열|깨|뜯)|문을 (?:부수|"
        r"뜯|따고|열고 들어)|열고 들어|(?<!끌고 )(?<!데리고 )들어가(?: 그|서| 물건| 재물|.{0,30}절취)|"
        r"시정되지|시정되어 있지|잠기지|잠금장치|몰래 들어|유리창을 깨",
    ),
    _entry(
        "fire",
        "불·연기",
        gettext_noop("fire or smoke"),
        r"불을 (?:놓|붙|질|지르|피)|방화(?!문|벽|셔터)|소훼|휘발유|신나|시너|화염|화재|"
        r"연기가",
    ),
    _entry(
        "drunk",
        "만취",
        gettext_noop("drunkenness"),
        r"술에 (?:취|만취)|만취|술을 마시|술을 마신|취한 상태|음주|술취|주취|명정",
    ),
    _entry(
        "quarrel",
        "시비·고성",
        gettext_noop("quarrel or shouting"),
        r"시비|말다툼|다투|다툼|욕설|욕을|고함|소리를 지르|소리치|소리쳤|난동|소란|언쟁",
    ),
    _entry(
        "lying_person",
        "쓰러져 있는 사람",
        gettext_noop("person lying down"),
        r"잠들어|잠을 자|잠자고|잠든|자고 있|정신을 잃|의식을 잃|의식불명|실신|누워 ?있|쓰러져 ?있",
    ),
    _entry("crowd", "혼잡", gettext_noop("crowd"), r"붐비|혼잡|군중|시위|농성|집회|군집|인파|여러 사람이 있는"),
    _entry("bag_open", "가방·소지품 접근", gettext_noop("hand at a bag"), r"핸드백|손가방|가방|지갑|호주머니|주머니|지퍼"),
)

MEANS = (
    _entry("hands", "주먹·손", gettext_noop("hands or fists"), r"주먹|손바닥|손으로|양손|뺨을|맨손|멱살"),
    _entry("feet", "발", gettext_noop("feet"), r"발로|무릎으로|걷어차"),
    _entry(
        "blade",
        "칼 등 날붙이",
        gettext_noop("blade"),
        r"칼(?:을|로|날|끝|자루| |\()|식칼|회칼|과도|식도|단도|가위|낫으로|도끼|면도칼|송곳|대검(?!찰)",
    ),
    _entry(
        "blunt",
        "둔기",
        gettext_noop("blunt object"),
        r"몽둥이|각목|파이프(?!라인)|방망이|야구배트|빠루|망치|벽돌|돌로|돌멩이|골프채|맥주병|소주병|술병|병으로|재떨이|의자",
    ),
    _entry("gun", "총기", gettext_noop("firearm"), r"권총|소총|엽총|총을|총으로"),
    _entry("strangling", "목 조름", gettext_noop("strangling"), r"목을 (?:조르|졸라|누르|눌러|감|힘껏|손으로|강하게)|질식"),
    _entry("vehicle", "차량", gettext_noop("vehicle"), r"(?:승용차|오토바이|차량|차)(?:로|를 운전하여|의 시동)|매단 채"),
    _entry("fire", "불", gettext_noop("fire"), r"휘발유|신나|시너|불을 (?:놓|붙|질|지르)|라이터"),
    _entry("snatching", "낚아챔", gettext_noop("snatching away"), r"낚아\s?채|나꿔\s?채|날치기"),
    _entry("breaking", "부수고 들어감", gettext_noop("breaking in"), r"부수고|뜯고|깨고 들어|절단하|드라이버|노루발|문을 따"),
    _entry(
        "open_door",
        "열린 문·창",
        gettext_noop("open door or window"),
        r"시정되지|시정되어 있지|열려 있는|열린 (?:문|창)|잠기지|잠금장치가 되어 있지",
    ),
    _entry("deceit", "속임", gettext_noop("deceit"), r"거짓말|속여|기망|가장하여|사칭"),
    _entry("threat", "협박", gettext_noop("threat"), r"협박|위협|겁을 (?:주|먹)"),
)

WEAPONS = (
    _entry("knife", "칼", gettext_noop("knife"), r"칼(?=[을로날끝자 길(])|식칼|회칼|과도|식도|단도|부엌칼|대검(?!찰)|면도칼"),
    _entry("bottle", "병", gettext_noop("bottle"), r"맥주병|소주병|술병|유리병|병으로|양주병"),
    _entry("club", "몽둥이·각목", gettext_noop("club"), r"몽둥이|각목|방망이|배트|막대기|골프채|지팡이"),
    _entry("pipe", "쇠파이프·빠루", gettext_noop("pipe or crowbar"), r"파이프(?!라인)|빠루|쇠몽둥이|노루발"),
    _entry("tool", "공구", gettext_noop("tool"), r"망치|드라이버|도끼|삽(?=[을으])|낫(?=[을으])|가위|송곳|공구|흙칼"),
    _entry("stone", "돌·벽돌", gettext_noop("stone or brick"), r"벽돌|돌(?=[을로]|멩이)"),
    _entry("gun", "총", gettext_noop("gun"), r"권총|소총|엽총|가스총|총(?=[을으])"),
    _entry("vehicle", "차량", gettext_noop("vehicle"), r"위험한 물건인 [^.]{0,30}(?:승용차|오토바이|차량|화물차)"),
    _entry("other", "그 밖의 위험한 물건", gettext_noop("other dangerous object"), r"위험한 물건|흉기"),
)

RELATIONS = (
    _entry(
        "spouse",
        "배우자·동거인",
        gettext_noop("spouse or partner"),
        r"처인 피해자|남편인 피해자|피해자인 처|자신의 처|피고인의 처|동거하던|"
        r"동거 ?(?:녀|남|중)|사실혼|내연|전처|이혼한|부부",
    ),
    _entry(
        "family",
        "가족·친족",
        gettext_noop("family"),
        r"친모|친부|계부|계모|(?:어머니|아버지|부친|모친|아들|딸|동생|형|"
        r"누나|친딸|의붓딸)인 (?:피해자|공소외)|(?:피고인|자신)의 (?:어머니|"
        r"아버지|부친|모친|아들|딸|동생|형|누나|시어머니|장모|장인)|직계존속|"
        r"친족|조카|매형|처남",
    ),
    _entry("officer", "공무원", gettext_noop("officer on duty"), r"경찰관|경사|경위|순경|경장|의경|상경|공무원|소방관|구급대원"),
    _entry("date", "연인", gettext_noop("lover"), r"연인|애인|여자친구|남자친구|교제하|사귀"),
    _entry("colleague", "직장 동료", gettext_noop("colleague"), r"직장 ?동료|같은 회사|직원으로 근무|종업원|고용|상사|부하|동료"),
    _entry("student", "사제", gettext_noop("teacher or pupil"), r"제자|담임|학생인 피해자|교사인 피고인"),
    _entry(
        "neighbour",
        "이웃·세입자",
        gettext_noop("neighbour or tenant"),
        r"이웃|세입자|임차인|옆집|위층|아래층|같은 아파트|입주민|관리소장",
    ),
    _entry(
        "business",
        "거래·손님",
        gettext_noop("customer or business"),
        r"손님|채무|채권|거래처|업주|운영하는 .{0,20}(?:주점|식당|가게)에서",
    ),
    _entry(
        "acquaintance",
        "아는 사람",
        gettext_noop("acquaintance"),
        r"친구|선배|후배|알게 된|알고 지내|지인|아는 사이|안면이 있|처음 만난 사이|동창|선후배",
    ),
    _entry(
        "stranger",
        "모르는 사람",
        gettext_noop("stranger"),
        r"지나가(?:던|는) .{0,10}(?:피해자|행인)|행인|일면식|모르는 사이|"
        r"알지 못하는|귀가하(?:던|는) 피해자|걸어가(?:던|는) 피해자|성명불상|"
        r"옆좌석|옆 ?테이블",
    ),
)

DRINKING = re.compile(r"술에 (?:취|만취)|만취|술을 (?:마시|마신|마셔|먹)|음주|주취|취한 상태|명정|혈중알코올|취중")

TIME_BANDS = (
    Label("dawn", "새벽(0–6시)", gettext_noop("0–6 h")),
    Label("morning", "오전(6–12시)", gettext_noop("6–12 h")),
    Label("afternoon", "오후(12–18시)", gettext_noop("12–18 h")),
    Label("evening", "저녁·밤(18–24시)", gettext_noop("18–24 h")),
    Label("night", "야간(시각 불상)", gettext_noop("night, hour unknown")),
    Label("day", "주간(시각 불상)", gettext_noop("daytime, hour unknown")),
)

DATE_PRECISIONS = (
    Label("exact", "정확", gettext_noop("exact")),
    Label("approximate", "무렵", gettext_noop("approximate")),
    Label("third", "초순·중순·하순", gettext_noop("third of a month")),
    Label("month", "달까지만", gettext_noop("month only")),
    Label("year", "해까지만", gettext_noop("year only")),
    Label("interval", "기간", gettext_noop("interval")),
    Label("unknown", "일시불상", gettext_noop("unknown")),
)

TABLES: Mapping[str, tuple[Label, ...]] = MappingProxyType(
    {
        "category": CATEGORIES,
        "offence": OFFENCES,
        "date_precision": DATE_PRECISIONS,
        "time_band": TIME_BANDS,
        "place_kind": PLACE_KINDS,
        "means": MEANS,
        "weapon": WEAPONS,
        "relation": RELATIONS,
        "risk_factor": RISK_FACTORS,
    }
)

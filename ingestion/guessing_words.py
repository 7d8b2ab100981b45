"""Titles of columns in Korean and English, by what the rows are and which field the column holds. Data, not code.

Titles are compared without case, blanks and punctuation; of several that fit, the one that stands first here is taken.
A `*` at the end means "begins with", one at the beginning "ends with".
"""

# ruff: noqa: E501  (lists of words, easier to search on long lines)

from collections.abc import Mapping
from types import MappingProxyType

from ingestion.kinds import Kind

_LATITUDE = "latitude lat 위도 wgs84위도 y좌표wgs84 좌표정보y 좌표정보y* y좌표 ycoord ycoordinate ycoordina ycoord* northing 북위 y좌표값 lat* wgs84위도 *위도 y ypos"
_LONGITUDE = "longitude lon lng long 경도 wgs84경도 x좌표wgs84 좌표정보x 좌표정보x* x좌표 xcoord xcoordinate xcoordina xcoord* easting 동경 x좌표값 lon* wgs84경도 *경도 x xpos"
_GEOMETRY = "geometry geom wkt thegeom wkbgeometry shape 공간정보 도형"
_ADDRESS = (
    "소재지도로명주소 도로명주소 도로명전체주소 소재지도로명 roadaddr roadaddress address 주소 소재지전체주소 공원주소 좌표주소 소재지 설치주소 "
    "상세주소 위치 소재지주소 location fulladdress block"
)
_LOT_ADDRESS = "소재지지번주소 지번주소 소재지지번 lotaddr lotaddress 지번"
_POINT = {"latitude": _LATITUDE, "longitude": _LONGITUDE, "geometry": _GEOMETRY, "address": _ADDRESS}
_REFERENCE = "데이터기준일자 데이터기준일 기준일자 refdate referencedate"

TITLES: Mapping[Kind, Mapping[str, str]] = MappingProxyType(
    {
        Kind.INCIDENTS: {
            **_POINT,
            "category": "category primarytype offense offence offensecategory crimetype crimecategory primarydescription "
            "ofnsdesc pddesc offensedescription offencetype type crime 죄종 죄종명 죄명 범죄유형 범죄종류 범죄명 범죄중분류 범죄분류 사건유형 "
            "사건종류 사건종별 신고유형 유형 종별 분류",
            "occurred_from": "occurredfrom datestart startdate startdatetime occurrencedate occurreddate occurredon occurredat "
            "occdate dateocc dateoccurred incidentdate incidentdatetime cmplntfrdt offensedate offencedate crimedate datetime date "
            "발생일시 발생일시시작 발생시작일시 발생일자 발생일 발생년월일 사건일시 사건발생일시 사건일자 범행일시 일시 시작일시 발생시점 날짜 일자 datesingle "
            "timestamp starttime",
            "occurred_to": "occurredto dateend enddate enddatetime cmplnttodt 종료일시 발생일시종료 발생종료일시 범행종료일시 endtime",
            "clock": "time occtime timeocc incidenttime occurrencetime timeofday cmplntfrtm offensetime 발생시각 발생시간 사건시각 범행시각 "
            "시각 시간 hour hourofday occhour 발생시",
            "incident_id": "incidentid uid id identifier incidentnumber incidentno caseid casenumber caseno reportnumber drno "
            "cmplntnum eventid 사건번호 접수번호 신고번호 사건id 관리번호",
            "count": "count cnt incidentcount 건수카운트 카운트 증감 가감",
            "area": "communityarea 자치구 시군구 구 행정동 법정동 neighborhood neighbourhood precinct district beat area 관할 지역",
            "reported_at": "reportedat datereported reporteddate reportdate reportdatetime rptdt datertd 신고일시 접수일시 신고일자 접수일자 신고시각",
        },
        Kind.CAMERAS: {
            **_POINT,
            "lot_address": _LOT_ADDRESS,
            "source_id": "카메라id 카메라번호 cctv번호 cctvid cctv관리번호 관리번호 cameraid",
            "name": "명칭 카메라명 cctv명 설치장소 설치장소명 설치위치 name cameraname",
            "purpose": "설치목적구분 설치목적 purpose 목적 용도 용도구분",
            "count": "카메라대수 cctv대수 설치대수 cameras cameracount 대수 수량",
            "view": "촬영방면정보 촬영방면 촬영방향 view direction 방면",
            "bearing_deg": "bearingdeg bearing 방위각 촬영방위각 azimuth",
            "angle_deg": "angledeg angleofview 화각 시야각 fov",
            "range_m": "rangem range 촬영거리 감시거리 유효거리",
            "is_working": "작동여부 정상작동여부 가동여부 운영상태 isworking working",
            "megapixels": "카메라화소수 화소수 화소 megapixelx100 megapixels megapixel resolution",
            "retention_days": "보관일수 retentiondays 보관기간 영상보관일수",
            "installed": "설치년월 설치연월 installedym 설치일자 설치일 설치년도 설치연도 installed",
            "agency": "관리기관명 관리기관 agency 관리부서 운영기관",
            "reference_date": _REFERENCE,
        },
        Kind.PLACES: {
            **_POINT,
            "lot_address": _LOT_ADDRESS,
            "source_id": "관리번호 안전비상벨관리번호 허가신고번호 아이디 id 인허가번호 고유번호 시설관리번호 사고다발지id",
            "name": "사업장명 업소명 상호명 상호 보안등위치명 공원명 시설명 역이름 역명 학교명 관서명 지구대파출소 지구대 설치위치 지점명 명칭 이름 "
            "장소명 위치명 name placename stationname",
            "count": "설치개수 설치수량 개수 수량 count",
            "sort": "업태구분명 업태명 시설구분 구분 종류 위생업태명 업종명 설치형태 type",
            "status": "영업상태명 상세영업상태명 영업상태 폐업구분 status",
            "opened_on": "인허가일자 허가신고일 개업일자 개업일 등록일자 영업자시작일 설치년도 설치연도 설치일자 개원일 openedon",
            "closed_on": "폐업일자 폐쇄일자 closedon",
            "reference_date": _REFERENCE,
        },
        Kind.AREAS: {
            "geometry": _GEOMETRY,
            "code": "admcd2 sigcd emdcd admcd admcd8 행정동코드 법정동코드 bjdcd beatnum areanumbe areanum1 precinct district code 코드 id",
            "name": "admnm sigkornm emdkornm 행정동명 법정동명 name community neighborhood pricinctname 이름 명칭 sggnm beatnum "
            "precinct district code",
            "name_en": "nameeng sigengnm emdengnm nameen englishname",
        },
    }
)

# Words that speak for cameras wherever they stand in a title or a file's name.
CAMERA_TITLES = ("카메라", "cctv", "촬영", "화소", "camera", "megapixel", "보관일수", "retentiondays")
CAMERA_NAMES = ("cctv", "카메라", "camera", "씨씨티비")
# Columns of dates that are not when something happened.
NOT_OCCURRED = ("기준", "수정", "갱신", "인허가", "폐업", "설치", "updated", "modified", "created", "허가", "개업")
RUNNING_NUMBERS = ("번호", "연번", "순번", "no", "index", "fid", "objectid", "unnamed0", "column1")
# Columns that name the gu of a smaller area.
DISTRICT_TITLES = ("sggnm", "자치구", "시군구명", "sigkornm")

"""Addresses of this room under /api/v1/."""

from django.urls import path

from webapp.cameras import api, api_events, api_places, api_streams

urlpatterns = [
    path("cameras/", api.CameraList.as_view(), name="cameras"),
    path("cameras/streams/", api_streams.StreamList.as_view(), name="streams"),
    path("cameras/streams/<int:stream_id>/", api_streams.StreamDetail.as_view(), name="stream"),
    path("cameras/<int:camera_id>/still/", api_streams.CameraStill.as_view(), name="camera-still"),
    path("events/", api_events.EventIntake.as_view(), name="events"),
    path("events/counts/", api_events.EventCountsView.as_view(), name="event-counts"),
    path("events/senders/", api_events.SenderList.as_view(), name="event-senders"),
    path("events/senders/<int:sender_id>/revoke/", api_events.SenderRevoke.as_view(), name="event-sender-revoke"),
    path("events/<str:key>/thumbnail/", api_events.EventThumbnailView.as_view(), name="event-thumbnail"),
    path("statistics/places/", api_places.PublicPlaceList.as_view(), name="public-places"),
    path("statistics/places/<slug:code>/", api_places.PublicPlaceDetail.as_view(), name="public-place"),
]

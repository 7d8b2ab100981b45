from django.urls import path

from webapp.maps import views

app_name = "maps"
urlpatterns = [path("", views.map_page, name="map")]

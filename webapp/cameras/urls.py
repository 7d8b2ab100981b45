from django.urls import URLPattern

app_name = "cameras"
urlpatterns: list[URLPattern] = []

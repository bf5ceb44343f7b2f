"""The pages' addresses."""

from __future__ import annotations

from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path

from shop import views

urlpatterns = [
    path("", views.shelf, name="shelf"),
    path("login/", LoginView.as_view(template_name="shop/login.html"), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("orders/", views.place, name="place"),
    path("orders/<str:id>/", views.order, name="order"),
    path("orders/<str:id>/pay/", views.pay, name="pay"),
    path("orders/<str:id>/accept/", views.accept, name="accept"),
    path("orders/<str:id>/ship/", views.ship, name="ship"),
]

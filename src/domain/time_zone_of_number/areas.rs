//! Areas whose clocks differ from those of their country's main zone, by the digits that numbers there begin with. Mobile numbers of
//! most countries do not tell the area; those of North America and Brazil do.
//!
//! Compared with the time zone data of Google's libphonenumber (Apache-2.0, release 9.x, read 2026-11-22), cut down to whole area
//! codes; an area that lies in two zones is counted to the one where more people live.

/// One line for each zone: its IANA name, then beginnings of numbers, calling code first. The longest beginning that fits counts.
pub(super) const ZONES_OF_AREAS: &str = "
America/Chicago 1205 1210 1214 1217 1218 1224 1225 1228 1235 1251 1254 1256 1262 1270 1274 1281 1308 1309 1312 1314 \
    1316 1318 1319 1320 1325 1327 1331 1334 1337 1346 1353 1361 1364 1402 1405 1409 1414 1417 1423 1430 1432 1447 1464 \
    1469 1479 1501 1504 1507 1512 1515 1531 1534 1539 1557 1563 1572 1573 1580 1601 1605 1608 1612 1615 1618 1620 1629 \
    1630 1636 1641 1651 1659 1660 1662 1682 1689 1701 1708 1712 1713 1715 1726 1730 1731 1737 1763 1769 1773 1779 1785 \
    1806 1815 1816 1817 1830 1832 1847 1850 1870 1872 1901 1903 1913 1918 1920 1924 1931 1936 1938 1940 1945 1952 1956 \
    1972 1975 1979 1985
America/Denver 1303 1307 1385 1406 1435 1505 1575 1719 1720 1748 1801 1915 1970 1983
America/Boise 1208 1986
America/Phoenix 1480 1520 1602 1623 1928
America/Los_Angeles 1206 1209 1213 1253 1279 1310 1323 1341 1350 1360 1369 1408 1415 1424 1425 1442 1458 1503 1509 \
    1510 1530 1541 1559 1562 1564 1619 1626 1628 1650 1657 1661 1669 1702 1707 1714 1725 1738 1747 1760 1775 1805 1818 \
    1820 1831 1840 1858 1909 1916 1925 1949 1951 1971
America/Anchorage 1907
Pacific/Honolulu 1808
America/St_Johns 1709 1879
America/Halifax 1428 1506 1782 1902
America/Winnipeg 1204 1431 1474 1584 1807
America/Regina 1306 1639
America/Edmonton 1368 1403 1587 1780 1825
America/Whitehorse 1867
America/Vancouver 1236 1250 1257 1604 1672 1778
America/Rio_Branco 5568
America/Manaus 5592 5597
America/Boa_Vista 5595
America/Porto_Velho 5569
America/Cuiaba 5565 5566
America/Campo_Grande 5567
Australia/Brisbane 617
Australia/Adelaide 618
Australia/Perth 6186 6189
Australia/Darwin 61889
Australia/Melbourne 613
Australia/Hobart 61362 61363 61364
America/Cancun 52983 52984 52987 52998
America/Mazatlan 52311 52319 52323 52324 52325 52327 52389 52612 52613 52615 52624 52667 52668 52669 52672 52673 52687 \
    52694 52695 52696 52697 52698
America/Hermosillo 52622 52623 52631 52632 52633 52634 52637 52638 52641 52642 52643 52644 52645 52647 52651 52653 \
    52662
America/Tijuana 52616 52646 52658 52661 52663 52664 52665 52686
America/Ciudad_Juarez 52656
Asia/Makassar 6236 6237 6238 6240 6241 6242 6243 6244 6245 6246 6247 6248 62511 62512 62517 62518 62526 62527 6254 \
    6255
Asia/Jayapura 6290 6291 6292 6295 6296 6297 6298
Europe/Kaliningrad 7401
Europe/Samara 7341 7842 7846 7848
Asia/Yekaterinburg 7342 7343 7345 7346 7347 7349 7351 7352 7353
Asia/Omsk 7381
Asia/Novosibirsk 7383
Asia/Tomsk 7382
Asia/Barnaul 7385 7388
Asia/Novokuznetsk 7384
Asia/Krasnoyarsk 7390 7391 7394
Asia/Irkutsk 7301 7395
Asia/Chita 7302
Asia/Yakutsk 7411 7416
Asia/Vladivostok 7421 7423 7426
Asia/Magadan 7413
Asia/Sakhalin 7424
Asia/Kamchatka 7415
Asia/Anadyr 7427
Atlantic/Canary 34822 34828 34922 34928
Atlantic/Azores 351292 351295 351296
Africa/Lubumbashi 2432
Asia/Hovd 97614
";

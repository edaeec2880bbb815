"""Portal 2.0, the UDP protocol between a portal and an access controller of Huawei, H3C, Ruijie and CMCC."""

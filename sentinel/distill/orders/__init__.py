"""Training data of the reader of orders: operators' words with the drafts of their readings"""
